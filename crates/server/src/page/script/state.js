'use strict';
// The page at `/`: it asks the server's own API, and shows what comes back. All text from data goes in as text, never as
// markup, and styles are set through classes or the CSSOM, so the strict Content-Security-Policy holds.

const LIVE_MS = 2000; // between two looks at the counters
const MONITOR_MS = 10000; // between two looks at the scores
const WINDOW = 120; // seconds that the traffic chart shows
const RECENT = 60; // seconds that the tiles sum up

const NOTHING = { detail: null, monitor: null, samples: [], marks: [], last: null, monitored: 0, columns: null, fields: [] };
const state = { models: [], name: null, turn: 0, locked: false, ...NOTHING };
const $ = (id) => document.getElementById(id);
/** This page speaks English alone; that to chat shares some of these files and has more languages. */
const t = (words) => words;
