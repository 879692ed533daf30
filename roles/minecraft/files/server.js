// SPDX-License-Identifier: GPL-3.0-or-later
// The package's own command lets its default settings win over those that it is given.
"use strict";

const squid = require("flying-squid");
const defaults = require("flying-squid/config/default-settings.json");
const settings = require("./settings.json");

// A world for each version of the game: they cannot be converted.
squid.createMCServer({ ...defaults, ...settings, worldFolder: `world/${defaults.version}` });

process.on("unhandledRejection", (error) => console.error(error));
