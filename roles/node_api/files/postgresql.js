// SPDX-License-Identifier: GPL-3.0-or-later
"use strict";

const { Pool } = require("pg");

exports.open = async (url, greeting) => {
  const pool = new Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 5000 });
  // Connections break when the database restarts; the pool makes new ones.
  pool.on("error", (error) => console.error(error.message));
  // Units that start at once do this one after another: the lock lasts as long as the transaction, and what the one before has
  // written is seen by the statements that follow.
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock(1)");
    await client.query(`
      CREATE TABLE IF NOT EXISTS messages
        (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL, written timestamptz NOT NULL DEFAULT now())
    `);
    await client.query("INSERT INTO messages (text) SELECT $1::text WHERE NOT EXISTS (SELECT FROM messages)", [greeting]);
    await client.query("COMMIT");
  } catch (error) {
    client.release(error);
    throw error;
  }
  client.release();
  return {
    ping: () => pool.query("SELECT 1"),
    list: async () => (await pool.query("SELECT id, text, written FROM messages ORDER BY id DESC LIMIT 100")).rows,
    add: async (text) =>
      (await pool.query("INSERT INTO messages (text) VALUES ($1) RETURNING id, text, written", [text])).rows[0],
    close: () => pool.end(),
  };
};
