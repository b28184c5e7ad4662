(function () {
  'use strict';
  const root = document.documentElement;
  root.classList.add('js');

  // An error is shown, never swallowed: a chart that is missing must not look like a chart that is empty.
  function complain(what) {
    const p = document.createElement('p');
    p.className = 'error';
    p.textContent = 'This page failed to draw: ' + what;
    document.querySelector('main').prepend(p);
  }
  addEventListener('error', (e) => complain(e.message));

  const report = JSON.parse(document.getElementById('data').textContent);
  const plots = [];

  // --- theme ---------------------------------------------------------------
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let colours = {};
  const recall = () => { try { return localStorage.getItem('foundrylab-theme'); } catch (e) { return null; } };
  const remember = (t) => { try { localStorage.setItem('foundrylab-theme', t); } catch (e) { /* a locked-down browser forgets */ } };
  function hex(name) {
    return colours[name] || (colours[name] = getComputedStyle(root).getPropertyValue('--' + name).trim());
  }
  function repaint() {
    colours = {};
    plots.forEach((u) => { u.redraw(false, true); paintMarkers(u); });
  }
  function setTheme(t) {
    if (t) root.dataset.theme = t; else delete root.dataset.theme;
    repaint();
  }
  if (recall()) root.dataset.theme = recall();
  dark.addEventListener('change', repaint);
  document.getElementById('theme').addEventListener('click', () => {
    const now = root.dataset.theme || (dark.matches ? 'dark' : 'light');
    const next = now === 'dark' ? 'light' : 'dark';
    remember(next);
    setTheme(next);
  });

  // --- printing: on white, with everything unfolded ------------------------
  let before = null;
  addEventListener('beforeprint', () => {
    const closed = [...document.querySelectorAll('details:not(.figures):not([open])')];
    before = { theme: root.dataset.theme, closed };
    closed.forEach((d) => { d.open = true; });
    setTheme('light');
  });
  addEventListener('afterprint', () => {
    if (!before) return;
    before.closed.forEach((d) => { d.open = false; });
    setTheme(before.theme);
    before = null;
  });

  // --- figures -------------------------------------------------------------
  const two = (n) => String(n).padStart(2, '0');
  function clock(s) {
    s = Math.round(s);
    const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return (h ? h + ':' + two(m) : String(m)) + ':' + two(s % 60);
  }
  function figure(v) {
    if (v == null) return '–';
    return v.toLocaleString('en', { maximumFractionDigits: v >= 100 ? 0 : v >= 10 ? 1 : 2 });
  }
  function tick(v) {
    if (v >= 1e6) return figure(v / 1e6) + 'M';
    return v >= 1e4 ? figure(v / 1e3) + 'k' : figure(v);
  }

  // --- resolution ----------------------------------------------------------
  // Rates and shares may be averaged over neighbouring windows, which makes a
  // long run legible; percentiles may not, so they stay as measured.
  function coarse(values, k) {
    const out = [];
    for (let i = 0; i < values.length; i += k) {
      const some = values.slice(i, i + k).filter((v) => v != null);
      out.push(some.length ? some.reduce((a, b) => a + b, 0) / some.length : null);
    }
    return out;
  }
  function view(c, k) {
    if (!c.mean || k === 1) return { step: c.step_ms / 1000, data: c.data.map((d) => d.values) };
    return { step: k * c.step_ms / 1000, data: c.data.map((d) => coarse(d.values, k)) };
  }

  // --- what uPlot draws ----------------------------------------------------
  // Stacked columns are summed from the bottom up; lines stay as they are. The
  // last element is repeated for steps, so that their last window has a width.
  function drawn(c) {
    const n = Math.max(...c.view.data.map((d) => d.length));
    const x = [];
    for (let i = 0; i < n; i++) x.push(i * c.view.step);
    x.push(Math.max(c.end_ms / 1000, n * c.view.step));
    const rows = [];
    let below = null;
    c.series.forEach((s) => {
      const raw = c.view.data[s.column];
      if (s.style === 'stack') {
        below = raw.map((v, i) => (v || 0) + (below ? below[i] : 0));
        rows.push([...below, null]);
      } else {
        rows.push([...raw, s.style === 'steps' ? raw[raw.length - 1] : null]);
      }
    });
    return [x, ...rows];
  }

  function bandsOf(c) {
    const out = [];
    let lower = 0;
    c.series.forEach((s, i) => {
      if (s.style === 'stack') {
        if (lower) out.push({ series: [i + 1, lower] });
        lower = i + 1;
      }
      if (s.style === 'range') out.push({ series: [i + 1, i] });
    });
    return out;
  }

  // lonely finds the values without a neighbour: no line shows them.
  function lonely(u, si) {
    const d = u.data[si];
    const out = [];
    for (let i = 0; i < d.length; i++) if (d[i] != null && d[i - 1] == null && d[i + 1] == null) out.push(i);
    return out;
  }

  // sparse tells a column of which so little was measured that a line would be
  // all gaps; it is drawn as dots.
  const sparse = (values) => values.filter((v) => v == null).length * 4 > values.length;

  function seriesOf(c, s) {
    const d = c.data[s.column];
    const colour = () => hex('h-' + s.hue);
    const faint = s.style === 'range';
    const out = {
      label: d.name,
      stroke: faint ? () => colour() + '99' : colour,
      width: s.style === 'stack' ? 0 : faint ? 1 : 1.5,
      value: (u, v, si, i) => (i == null ? '' : figure(c.view.data[s.column][i])),
      points: { show: s.style === 'line' || faint, size: 3, width: 0, fill: colour, filter: lonely },
    };
    if (s.style === 'stack') {
      out.fill = () => colour() + 'cc';
      out.points = { show: false };
    }
    if (faint) out.fill = () => colour() + '2b';
    if ((faint || s.style === 'line') && sparse(d.values)) {
      delete out.fill;
      out.paths = () => null;
      out.points = { show: true, size: faint ? 3 : 4, width: 0, fill: () => colour() + (faint ? '80' : 'ff') };
    }
    if (s.style === 'dashed') out.dash = [5, 4];
    if (s.style === 'steps') { out.paths = uPlot.paths.stepped({ align: 1 }); out.points = { show: false }; }
    if (c.lineOverStack && s.style === 'line') { out.width = 1; out.stroke = () => colour() + 'aa'; }
    return out;
  }

  // --- faults --------------------------------------------------------------
  function edges(u, b) {
    const left = Math.max(u.valToPos(b.from_ms / 1000, 'x', true), u.bbox.left);
    const right = Math.min(u.valToPos(b.to_ms / 1000, 'x', true), u.bbox.left + u.bbox.width);
    return [left, right];
  }
  function shadeBands(u, c) {
    const ctx = u.ctx, r = devicePixelRatio;
    ctx.save();
    c.bands.forEach((b) => {
      const [left, right] = edges(u, b);
      if (right <= left) return;
      const colour = hex(b.warmup ? 'warmup' : 'fault');
      ctx.fillStyle = colour + (b.warmup ? '1c' : '26');
      ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
      ctx.strokeStyle = colour + '99';
      ctx.lineWidth = r;
      ctx.setLineDash([3 * r, 3 * r]);
      ctx.beginPath();
      (b.warmup ? [right] : [left, right]).forEach((x) => { ctx.moveTo(x, u.bbox.top); ctx.lineTo(x, u.bbox.top + u.bbox.height); });
      ctx.stroke();
    });
    ctx.restore();
  }
  // Labels stand above the plot, one row for each that would lie on another.
  // It returns how many there are.
  function labelBands(u, c) {
    const ctx = u.ctx, r = devicePixelRatio, ends = [];
    let labels = 0;
    ctx.save();
    ctx.font = 11 * r + 'px system-ui, sans-serif';
    ctx.textBaseline = 'top';
    ctx.textAlign = 'left';
    c.bands.forEach((b) => {
      const [left, right] = edges(u, b);
      if (right <= left) return;
      const label = b.label.length > 24 ? b.label.slice(0, 23) + '…' : b.label;
      const width = ctx.measureText(label).width + 8 * r;
      const x = Math.min(left, u.bbox.left + u.bbox.width - width);
      let row = ends.findIndex((end) => end <= x);
      if (row < 0) row = ends.length;
      ends[row] = x + width;
      const y = u.bbox.top + row * 16 * r;
      ctx.fillStyle = hex('panel') + 'd9';
      ctx.fillRect(x + r, y + r, width, 15 * r);
      ctx.fillStyle = hex(b.warmup ? 'muted' : 'fault');
      ctx.fillText(label, x + 5 * r, y + 3 * r);
      labels++;
    });
    c.marks.forEach((m) => {
      const x = u.valToPos(m.at_ms / 1000, 'x', true), y = u.bbox.top + u.bbox.height;
      if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
      ctx.fillStyle = hex('ink');
      ctx.beginPath();
      ctx.moveTo(x - 4 * r, y - 9 * r);
      ctx.lineTo(x + 4 * r, y - 9 * r);
      ctx.lineTo(x, y - r);
      ctx.fill();
    });
    ctx.restore();
    return labels;
  }

  function axis(extra) {
    return Object.assign({
      stroke: () => hex('muted'),
      font: '12px system-ui, sans-serif',
      grid: { stroke: () => hex('line'), width: 1 },
      ticks: { stroke: () => hex('line'), width: 1, size: 4 },
    }, extra);
  }

  function optionsOf(c, host) {
    c.lineOverStack = c.series.some((s) => s.style === 'stack');
    return {
      width: host.clientWidth,
      height: heightOf(c),
      padding: [8, 22, 0, 0],
      scales: {
        x: { time: false },
        y: { range: (u, lo, hi) => uPlot.rangeNum(0, Math.max(hi || 1, c.top || 0), { min: { pad: 0, soft: 0, mode: 1 }, max: { pad: 0.06, soft: 0, mode: 0 } }) },
      },
      axes: [
        axis({ values: (u, vs) => vs.map(clock), incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400], space: 64, size: 30 }),
        axis({ values: (u, vs) => vs.map(tick), size: 52, space: 36 }),
      ],
      series: [{ label: 'at', value: (u, v) => (v == null ? '' : clock(v)) }, ...c.series.map((s) => seriesOf(c, s))],
      bands: bandsOf(c),
      cursor: { sync: { key: 'run', scales: ['x', null] }, drag: { x: true, y: false }, y: false, points: { size: 6 } },
      legend: { live: true, markers: { width: 0, fill: (u, i) => markerOf(c.series[i - 1]) }, mount: (u, el) => host.previousElementSibling.append(el) },
      hooks: { drawClear: [(u) => shadeBands(u, c)], draw: [(u) => { host.dataset.drawn = labelBands(u, c); }] },
    };
  }
  const heightOf = (c) => (c.half ? 190 : 230);

  const markerOf = (s) => hex('h-' + s.hue) + (s.style === 'range' ? '80' : '');

  // uPlot colours a legend once; a new theme needs it again.
  function paintMarkers(u) {
    const marks = u.root.parentNode.previousElementSibling.querySelectorAll('.u-series:not(:first-child) .u-marker');
    u.chart.series.forEach((s, i) => { marks[i].style.background = markerOf(s); });
  }

  function draw(host) {
    const c = report.charts[host.dataset.chart];
    c.view = view(c, resolution);
    const u = new uPlot(optionsOf(c, host), drawn(c), host);
    u.chart = c;
    plots.push(u);
    new ResizeObserver(() => {
      if (host.clientWidth && host.clientWidth !== u.width) u.setSize({ width: host.clientWidth, height: heightOf(c) });
    }).observe(host);
  }
  const windows = Math.max(0, ...report.charts.filter((c) => c.mean).map((c) => c.data[0].values.length));
  const choices = [1, 5, 15, 60, 300].filter((k) => k === 1 || windows / k >= 20);
  let resolution = choices.find((k) => windows / k <= 300) || choices[choices.length - 1];
  function chooseResolution(k) {
    resolution = k;
    plots.filter((u) => u.chart.mean).forEach((u) => {
      const { min, max } = u.scales.x;
      u.chart.view = view(u.chart, k);
      u.batch(() => { u.setData(drawn(u.chart)); u.setScale('x', { min, max }); });
    });
  }
  document.querySelectorAll('.resolution').forEach((box) => {
    const base = report.charts.find((c) => c.mean);
    if (!base || choices.length < 2) { box.remove(); return; }
    choices.forEach((k) => {
      const b = document.createElement('button');
      b.type = 'button';
      b.textContent = figure(k * base.step_ms / 1000) + ' s';
      b.setAttribute('aria-pressed', k === resolution);
      b.addEventListener('click', () => {
        [...box.children].forEach((o) => { if (o.tagName === 'BUTTON') o.setAttribute('aria-pressed', o === b); });
        chooseResolution(k);
      });
      box.append(b);
    });
  });
  document.querySelectorAll('.plot').forEach((host) => {
    try { draw(host); } catch (e) { complain(host.getAttribute('aria-label') + ': ' + e.message); }
  });

  // --- CSV -----------------------------------------------------------------
  // A cell that a spreadsheet would take for a formula is disarmed.
  function cell(s) {
    s = String(s);
    if (/^[=+\-@\t\r]/.test(s)) s = "'" + s;
    return /[",\n\r]/.test(s) ? '"' + s.replace(/"/g, '""') + '"' : s;
  }
  function csv(c) {
    const lines = [['time_s', ...c.data.map((d) => d.name + (d.unit ? ' (' + d.unit + ')' : ''))].map(cell).join(',')];
    const n = Math.max(...c.data.map((d) => d.values.length));
    for (let i = 0; i < n; i++) lines.push([i * c.step_ms / 1000, ...c.data.map((d) => d.values[i] ?? '')].join(','));
    return lines.join('\n') + '\n';
  }
  document.querySelectorAll('.csv').forEach((b) => b.addEventListener('click', () => {
    const c = report.charts[b.dataset.chart];
    const a = document.createElement('a');
    a.href = URL.createObjectURL(new Blob([csv(c)], { type: 'text/csv' }));
    a.download = c.id + '.csv';
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 1000);
  }));
})();
