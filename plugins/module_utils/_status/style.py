# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the page looks, by day and by night. Colours are told apart at a contrast of 4.5 and more (WCAG 2, level AA)."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f4f6f8; --face: #ffffff; --ink: #18222c; --muted: #54616d; --rule: #d6dde3; --line: #7d8d9c;
  --good: #11672f; --good-back: #dcf4e3; --wait: #0a58a6; --wait-back: #e0eefe; --busy: #6437ab; --busy-back: #f0e9fd;
  --warn: #874600; --warn-back: #fdeccd; --bad: #ab1424; --bad-back: #fee4e5; --none: #54616d; --none-back: #e8ecf0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1217; --face: #161d25; --ink: #e5ecf2; --muted: #9ca9b5; --rule: #2b3641; --line: #6d7e8e;
    --good: #62d48c; --good-back: #12301f; --wait: #80baff; --wait-back: #122a42; --busy: #c5a5ff; --busy-back: #2b2046;
    --warn: #f4b455; --warn-back: #382812; --bad: #ff8f94; --bad-back: #441b1f; --none: #9ca9b5; --none-back: #25303a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink); line-height: 1.5;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
header, main { max-width: 1440px; margin: 0 auto; padding: 0 28px; }
header { padding-top: 32px; }
main { padding-bottom: 48px; }
h1 { margin: 0; font-size: 30px; line-height: 1.2; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { margin: 40px 0 12px; font-size: 18px; }
h3 { margin: 0 0 12px; font-size: 15px; display: flex; flex-wrap: wrap; gap: 10px; align-items: center; }
.muted, .summary { color: var(--muted); }
.summary { margin: 6px 0 14px; }
.pills { display: flex; flex-wrap: wrap; gap: 8px; margin: 0; padding: 0; list-style: none; }
.pill {
  display: inline-flex; align-items: center; gap: 6px; padding: 1px 10px 1px 8px; border-radius: 999px;
  font-size: 13px; font-weight: 600; white-space: nowrap;
}
.mark { width: 10px; height: 10px; flex: none; }
.good { color: var(--good); } .wait { color: var(--wait); } .busy { color: var(--busy); }
.warn { color: var(--warn); } .bad { color: var(--bad); } .none { color: var(--none); }
.pill.good { background: var(--good-back); } .pill.wait { background: var(--wait-back); }
.pill.busy { background: var(--busy-back); } .pill.warn { background: var(--warn-back); }
.pill.bad { background: var(--bad-back); } .pill.none { background: var(--none-back); }
.panel { background: var(--face); border: 1px solid var(--rule); border-radius: 12px; }
.trouble { padding: 6px 18px; }
.trouble ul { margin: 0; padding: 0; list-style: none; }
.trouble li {
  display: flex; flex-wrap: wrap; gap: 2px 12px; align-items: baseline; padding: 8px 0;
  border-bottom: 1px solid var(--rule);
}
.trouble > :last-child, .trouble > ul:last-child li:last-child { border-bottom: 0; }
.trouble b { overflow-wrap: anywhere; }
.trouble li span:last-child { flex: 1 1 20em; overflow-wrap: anywhere; }
summary { padding: 8px 0; cursor: pointer; color: var(--muted); }
figure { margin: 0; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--wait); outline-offset: 2px; }
figure .scroll { padding: 12px; }
figure svg { display: block; margin: 0 auto; width: 100%; height: auto; }
figcaption { padding: 10px 18px; border-top: 1px solid var(--rule); color: var(--muted); font-size: 13px; }
svg text { fill: var(--ink); font-size: 12.5px; }
.card .face { fill: var(--face); stroke: var(--rule); stroke-width: 1.5; }
.card.subordinate .face { stroke: var(--line); stroke-dasharray: 5 4; }
.edge, .shape { fill: currentColor; }
.card .name { font-size: 15px; font-weight: 700; }
.card .muted { fill: var(--muted); }
.card .status { text-anchor: end; font-weight: 700; fill: currentColor; }
.card .state { text-anchor: end; fill: currentColor; }
.card .rule { stroke: var(--rule); stroke-width: 1; }
.tab rect { fill: var(--face); stroke: var(--line); stroke-width: 1.2; }
.tab text { font-size: 11px; fill: var(--muted); }
.line path { fill: none; stroke: var(--line); stroke-width: 2; }
.line.beside path { stroke-dasharray: 5 4; }
.dot { fill: var(--line); stroke: var(--face); stroke-width: 1.5; }
.line:hover path { stroke: var(--wait); stroke-width: 3; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 8px 14px; text-align: left; vertical-align: top; border-top: 1px solid var(--rule); }
thead th { border-top: 0; color: var(--muted); font-size: 13px; font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; white-space: nowrap; }
td.figure { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.free { overflow-wrap: anywhere; min-width: 180px; }
tr.beside th { padding-left: 34px; font-weight: 400; }
.leader { color: var(--muted); font-size: 12px; font-weight: 400; }
.remotes { display: grid; gap: 16px; }
.remote { padding: 16px 18px; }
.machines { display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(264px, 1fr)); }
.machine { padding: 12px 14px; border: 1px solid var(--rule); border-radius: 8px; background: var(--page); }
.machine p { margin: 0; }
.machine .top { display: flex; justify-content: space-between; gap: 8px; align-items: baseline; }
.machine .where { margin-bottom: 8px; color: var(--muted); font-size: 13px; overflow-wrap: anywhere; }
.machine ul { margin: 0; padding: 0; list-style: none; }
.machine li { display: flex; justify-content: space-between; gap: 8px; align-items: center; padding: 3px 0; }
.machine li.beside { padding-left: 18px; }
@media (max-width: 640px) { header, main { padding-left: 14px; padding-right: 14px; } }
@media print { body { background: none; } .scroll { overflow: visible; } }
"""
