// SPDX-License-Identifier: GPL-3.0-or-later
"use strict";

const { MongoClient } = require("mongodb");

const shown = ({ _id, text, written }) => ({ id: _id, text, written });

exports.open = async (url, greeting) => {
  const client = new MongoClient(url, { useUnifiedTopology: true, serverSelectionTimeoutMS: 5000 });
  await client.connect();
  const messages = client.db().collection("messages");
  // A fixed id: of units that start at once, one writes it.
  await messages.updateOne({ _id: "greeting" }, { $setOnInsert: { text: greeting, written: new Date() } }, { upsert: true });
  return {
    ping: () => client.db().command({ ping: 1 }),
    list: async () => (await messages.find().sort({ written: -1 }).limit(100).toArray()).map(shown),
    add: async (text) => {
      const message = { text, written: new Date() };
      await messages.insertOne(message);
      return shown(message);
    },
    close: () => client.close(),
  };
};
