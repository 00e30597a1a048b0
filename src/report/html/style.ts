/** The page's own; light or dark as the reader's system is. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --page: #ffffff; --card: #f6f8fa; --line: #d1d9e0;
  --foreign: #ffe08a; --drift: #b3261e; --warn: #fff4d6; --warn-ink: #5c3d00;
  --l0: #2563c9; --l1: #b4540a; --l2: #16794c; --l3: #8a3ab9; --l4: #b3265e; --l5: #0b7285; --l6: #6b6100; --l7: #4d5561; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa7b4; --page: #0d1117; --card: #161b22; --line: #30363d;
  --foreign: #6b5200; --drift: #ff9a8f; --warn: #3a2c00; --warn-ink: #ffe2a0;
  --l0: #6ea8fe; --l1: #f0a063; --l2: #5cc48d; --l3: #cf9bf0; --l4: #f288ae; --l5: #5bc5d8; --l6: #d3c64a; --l7: #a9b4c0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", "Hiragino Sans", "Noto Sans JP", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; overflow-wrap: anywhere; }
p { margin: .5rem 0; } .soft, figcaption span, figure p { color: var(--soft); }
.warn { background: var(--warn); color: var(--warn-ink); padding: .6rem .9rem; border-radius: .5rem; }
pre { margin: .5rem 0; white-space: pre-wrap; overflow-wrap: anywhere; font: .9rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono CJK JP", monospace; }
pre:empty { display: none; }
pre.block { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .9rem; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; }
.scroll:focus-visible { outline: 2px solid var(--l0); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; padding: .6rem .8rem; color: var(--soft); }
th, td { text-align: left; padding: .45rem .8rem; border-top: 1px solid var(--line); vertical-align: top; }
thead th { border-top: 0; white-space: nowrap; } thead { background: var(--card); } td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tbody th { font-weight: 500; } td.any { overflow-wrap: anywhere; } td small { color: var(--soft); display: block; }
.charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem .9rem; }
figure p { font-size: .82rem; margin: .3rem 0 0; } figcaption { margin-bottom: .4rem; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; }
.tick line { stroke: var(--line); } .tick text, .unknown { fill: var(--soft) !important; font-size: 11px !important; }
.figure { font-weight: 600 !important; } .bar { fill: var(--lane); opacity: .3; } .box { fill: var(--lane); opacity: .6; }
.whisker { stroke: var(--lane); stroke-width: 1.5; fill: none; } .median { stroke: var(--lane); stroke-width: 3; }
.lane-0 { --lane: var(--l0); } .lane-1 { --lane: var(--l1); } .lane-2 { --lane: var(--l2); } .lane-3 { --lane: var(--l3); }
.lane-4 { --lane: var(--l4); } .lane-5 { --lane: var(--l5); } .lane-6 { --lane: var(--l6); } .lane-7 { --lane: var(--l7); }
.lanes { padding: 0; list-style: none; display: grid; gap: .5rem; } .lanes li { border-left: .3rem solid var(--lane); padding-left: .7rem; overflow-wrap: anywhere; }
.answers { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
.answers article { border: 1px solid var(--line); border-top: .25rem solid var(--lane); border-radius: .5rem; padding: .7rem .9rem; min-width: 0; }
.answers h4 { margin: 0; font-size: .9rem; overflow-wrap: anywhere; } .answers p { font-size: .82rem; margin: .2rem 0 .5rem; color: var(--soft); }
.shared { color: var(--soft); } .parting { color: var(--lane); font-weight: 700; } .drifting { color: var(--drift); font-weight: 700; }
mark { background: var(--foreign); color: var(--ink); border-radius: .15rem; }
.only-read { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; padding: 0; list-style: none; font-size: .85rem; color: var(--soft); }
@media print { body { max-width: none; } figure, article, tr { break-inside: avoid; } }
`;
