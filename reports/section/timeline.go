package section

import (
	"strconv"

	"foundrylab/internal/record"
)

// MaxTenantCharts bounds how many tenants get charts of their own.
const MaxTenantCharts = 12

func buildTimeline(r *record.Result) []Block {
	tl := &r.Timeline
	if tl.Windows <= 0 || tl.WindowMs <= 0 || len(tl.Tenants) == 0 {
		return nil
	}
	out := []Block{trafficChart(r)}
	if len(tl.Backends) > 0 {
		out = append(out, attemptsChart(r), utilizationChart(r))
	}
	for i := range tl.Tenants[:min(len(tl.Tenants), MaxTenantCharts)] {
		offered := offeredChart(r, i)
		if !streams(&tl.Tenants[i]) {
			offered.Chart.Half = false // nothing stands beside it
			out = append(out, offered)
			continue
		}
		out = append(out, offered, ttftChart(r, i))
	}
	out = append(out, servedChart(r))
	if b, ok := fairnessChart(r); ok {
		out = append(out, b)
	}
	if n := len(tl.Tenants); n > MaxTenantCharts {
		out[0].Note += " The first " + Count(MaxTenantCharts) + " of " + Count(int64(n)) +
			" tenants have charts of their own; report.json has them all."
	}
	return out
}

// chart starts a chart over windows of stepMs.
func chart(r *record.Result, title, anchor, unit string, stepMs int64) Block {
	end := max(int64(r.DurationMs)/1000, int64(r.Timeline.Windows)*r.Timeline.WindowMs)
	return Block{
		Title: title, Anchor: "timeline-" + anchor, Kind: KindChart,
		Chart: Chart{StepMs: stepMs, EndMs: end, Unit: unit, Bands: bands(r)},
	}
}

func (c *Chart) add(d Data, style Style, hue Hue) {
	c.Data = append(c.Data, d)
	c.Series = append(c.Series, Series{Column: len(c.Data) - 1, Style: style, Hue: hue})
}

func trafficChart(r *record.Result) Block {
	tl := &r.Timeline
	b := chart(r, "Requests", "traffic", "requests/s", tl.WindowMs)
	b.Brief, b.Chart.Mean = true, true
	b.Note = "What became of the requests meant for each moment."
	column := func(name string, of func(*record.TenantTimeline) []int64) Data {
		return count(name, "requests/s", sum(tl.Tenants, tl.Windows, of), tl)
	}
	b.Chart.add(column("succeeded", func(t *record.TenantTimeline) []int64 { return t.Succeeded }), Stack, HueGood)
	b.Chart.add(column("throttled", func(t *record.TenantTimeline) []int64 { return t.Throttled }), Stack, HueWarn)
	b.Chart.add(column("failed", func(t *record.TenantTimeline) []int64 { return t.Failed }), Stack, HueBad)
	b.Chart.add(column("offered", func(t *record.TenantTimeline) []int64 { return t.Offered }), Line, HueInk)
	return b
}

func attemptsChart(r *record.Result) Block {
	tl := &r.Timeline
	b := chart(r, "Attempts by backend", "attempts", "attempts/s", tl.WindowMs)
	b.Chart.Mean = true
	b.Note = "Where the gateway sent them. ▼ a breaker opened."
	for i := range tl.Backends {
		t := &tl.Backends[i]
		hue := entity(i)
		b.Chart.add(count(t.Name, "attempts/s", t.Attempts, tl), Stack, hue)
		for w, n := range t.Opened[:min(len(t.Opened), tl.Windows)] {
			if n > 0 {
				b.Chart.Marks = append(b.Chart.Marks, Mark{AtMs: int64(w) * tl.WindowMs, Hue: hue})
			}
		}
	}
	return b
}

func utilizationChart(r *record.Result) Block {
	tl := &r.Timeline
	b := chart(r, "Utilization by backend", "utilization", "% of capacity", tl.WindowMs)
	b.Chart.Top, b.Chart.Mean = 100_0000, true
	for i := range tl.Backends {
		b.Chart.add(percents(tl.Backends[i].Name, tl.Backends[i].Utilization, tl.Windows), Line, entity(i))
	}
	return b
}

func offeredChart(r *record.Result, i int) Block {
	tl := &r.Timeline
	t := &tl.Tenants[i]
	b := chart(r, t.Name+": offered and served", "offered-"+strconv.Itoa(i+1), "requests/s", tl.WindowMs)
	b.Chart.Half, b.Chart.Mean, b.Fold = true, true, true
	b.Chart.add(count("served", "requests/s", t.Succeeded, tl), Stack, entity(i))
	b.Chart.add(count("offered", "requests/s", t.Offered, tl), Line, HueInk)
	return b
}

// streams reports whether any first token was measured: a tenant whose answers
// come whole has none.
func streams(t *record.TenantTimeline) bool {
	for _, m := range t.TTFTP50 {
		if m != record.Null {
			return true
		}
	}
	return false
}

func ttftChart(r *record.Result, i int) Block {
	tl := &r.Timeline
	t := &tl.Tenants[i]
	b := chart(r, t.Name+": TTFT", "ttft-"+strconv.Itoa(i+1), "ms", tl.WindowMs)
	b.Chart.Half, b.Fold = true, true
	b.Chart.add(spans("p50", t.TTFTP50, tl.Windows), Line, entity(i))
	b.Chart.add(spans("p95", t.TTFTP95, tl.Windows), Range, entity(i))
	return b
}

func servedChart(r *record.Result) Block {
	tl := &r.Timeline
	b := chart(r, "Capacity served by tenant", "served", "charge/s", tl.WindowMs)
	b.Chart.Mean = true
	b.Note = "How the tenants shared what was served, in the unit the backends charge."
	for i := range tl.Tenants {
		b.Chart.add(count(tl.Tenants[i].Name, "charge/s", tl.Tenants[i].CostServed, tl), Stack, entity(i))
	}
	offered := sum(tl.Tenants, tl.Windows, func(t *record.TenantTimeline) []int64 { return t.CostOffered })
	b.Chart.add(count("offered, all", "charge/s", offered, tl), Dashed, HueInk)
	return b
}

// fairnessChart is absent where no window was judged.
func fairnessChart(r *record.Result) (Block, bool) {
	tl := &r.Timeline
	n := len(tl.Jain)
	for i := range tl.Tenants {
		n = max(n, len(tl.Tenants[i].Satisfaction))
	}
	if n == 0 || tl.JainEvery <= 0 {
		return Block{}, false
	}
	b := chart(r, "Satisfaction by tenant and Jain's index", "fairness", "of 1", tl.JainEvery)
	b.Chart.Top = 1_000_000
	b.Note = "Per window of " + Span(record.Millis(min(tl.JainEvery, 1<<40)*1000)) + ". Gaps: nobody was backlogged."
	for i := range tl.Tenants {
		b.Chart.add(indexes(tl.Tenants[i].Name, tl.Tenants[i].Satisfaction, n), Steps, entity(i))
	}
	b.Chart.add(indexes("Jain", tl.Jain, n), Steps, HueInk)
	return b, true
}

// entity is the hue of the i-th tenant or backend; they repeat after eight.
func entity(i int) Hue { return Entity + Hue(i%8) }
