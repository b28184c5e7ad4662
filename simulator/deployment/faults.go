package deployment

import (
	"math"
	"slices"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/fault"
)

// faultSet is the faults of a deployment between two changes. Configurations
// that differ in limits only share one.
type faultSet struct {
	rules  []fault.Rule // as scheduled
	breaks []uint16     // of each rule, place of its interruption plus 1; 0: it has none
	edges  []edge       // in order of time
}

// edge is the beginning or the end of a rule. One that ends as another begins
// goes by their places.
type edge struct {
	at   tick.Instant
	rule int
	ends bool
}

// interruption is how a fault breaks an answer off, or pauses it. Streams name
// theirs by place, so that it outlives the fault.
type interruption struct {
	why   record.Reason
	after uint16
	off   int32 // bytes by which the length is wrong
	pause time.Duration
}

func (c *Core) newFaultSet(rules []fault.Rule) *faultSet {
	set := &faultSet{rules: slices.Clone(rules)}
	for i := range rules {
		set.breaks = append(set.breaks, c.intern(&rules[i]))
		set.edges = append(set.edges, edge{rules[i].Begin, i, false}, edge{rules[i].End, i, true})
	}
	slices.SortStableFunc(set.edges, func(a, b edge) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	return set
}

// intern returns the place, plus 1, of what a rule does to an answer under
// way; 0 where that is nothing. Past 65,534 different ones, which only very
// many changes can bring about, a rule breaks nothing off.
func (c *Core) intern(r *fault.Rule) uint16 {
	if r.Break == record.NoReason && r.Pause == 0 {
		return 0
	}
	one := interruption{r.Break, r.After, r.Off, r.Pause}
	i := slices.Index(c.interruptions, one)
	if i < 0 && len(c.interruptions) < math.MaxUint16 {
		i = len(c.interruptions)
		c.interruptions = append(c.interruptions, one)
	}
	return uint16(i + 1)
}

// toEdge makes the edge at a place the next one.
func (c *Core) toEdge(place int) {
	c.edge, c.edgeAt = place, tick.Never
	if place < len(c.cfg.faults.edges) {
		c.edgeAt = c.cfg.faults.edges[place].at
	}
}

// Stale reports whether a fault keeps what is stored from being found by a
// request of that key. It settles nothing: step a Wake before.
func (c *Core) Stale(now tick.Instant, key uint64) bool {
	return slices.ContainsFunc(c.lasting, func(place int) bool {
		rule := &c.cfg.faults.rules[place]
		return rule.Chained && rule.Strikes(now, key, 0)
	})
}

// faultEdge begins or ends the fault whose turn it is.
func (c *Core) faultEdge(out []Effect) []Effect {
	e := c.cfg.faults.edges[c.edge]
	c.toEdge(c.edge + 1)
	if e.ends {
		if i, found := slices.BinarySearch(c.lasting, e.rule); found {
			c.lasting = slices.Delete(c.lasting, i, i+1)
		}
		return c.faultEnds(e.at, e.rule, &c.cfg.faults.rules[e.rule], out)
	}
	return c.faultBegins(e.at, e.rule, out)
}

// faultBegins does to the limits and to what is in flight what the fault's
// beginning does.
func (c *Core) faultBegins(at tick.Instant, place int, out []Effect) []Effect {
	out = append(out, Effect{Kind: FaultEdge, At: at, Ref: record.Ref{Slot: uint32(place)}})
	i, _ := slices.BinarySearch(c.lasting, place)
	c.lasting = slices.Insert(c.lasting, i, place)
	rule := &c.cfg.faults.rules[place]
	if rule.Share > 0 {
		c.rescale(at)
	}
	for slot := range c.streams {
		s := &c.streams[slot]
		if s.state == free || s.cut || !rule.Strikes(at, s.key, s.attempt) {
			continue
		}
		if rule.CutStreams {
			c.cutLater(at, uint32(slot), s)
		} else if late := tick.ToUnits(rule.Delay(s.key, s.attempt)); late > 0 && s.state == waiting {
			out = append(out, c.replan(uint32(slot), s, late))
		}
	}
	return out
}

// faultEnds does to the limits what the end of a fault that is no longer
// lasting does; its rule may be of a set that was just left.
func (c *Core) faultEnds(at tick.Instant, place int, rule *fault.Rule, out []Effect) []Effect {
	if rule.Share > 0 {
		c.rescale(at)
	}
	edge := Effect{Kind: FaultEdge, At: at, Ref: record.Ref{Slot: uint32(place), Gen: 1}}
	if rule.Renews {
		c.renew(at)
		edge.Reason = record.DeletedFault
	}
	return append(out, edge)
}

// changeFaults leaves a set of faults for that of the present configuration.
func (c *Core) changeFaults(now tick.Instant, old *faultSet, out []Effect) []Effect {
	set := c.cfg.faults
	if set == old {
		return out
	}
	was := slices.Clone(c.lasting)
	c.lasting = c.lasting[:0]
	for _, i := range was {
		if j := slices.Index(set.rules, old.rules[i]); j >= 0 && !slices.Contains(c.lasting, j) {
			c.lasting = append(c.lasting, j) // it goes on
		}
	}
	slices.Sort(c.lasting)
	going := slices.Clone(c.lasting)
	for _, i := range was {
		if !slices.Contains(set.rules, old.rules[i]) {
			out = c.faultEnds(now, i, &old.rules[i], out)
		}
	}
	next := 0
	for next < len(set.edges) && set.edges[next].at <= now {
		next++
	}
	c.toEdge(next)
	for i := range set.rules {
		if r := &set.rules[i]; r.Begin <= now && now < r.End && !slices.Contains(going, i) {
			out = c.faultBegins(now, i, out)
		}
	}
	*old = faultSet{} // requests may still have it, and need nothing of it
	return out
}
