package fault

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"foundrylab/internal/tick"
)

// Ask is a fault that a single request asks for itself, for tests that want
// one failure and no schedule; a flat value. The zero Ask asks for none.
type Ask struct {
	Kind  uint8 // place in Kinds, plus 1
	Value int32 // status: the code; latency: milliseconds
}

// askedLatency is added where latency is asked for without a value, ms.
const askedLatency = 5000

// ParseAsk reads KIND or KIND=VALUE: status=503, latency=2s, outage, abort and
// so on. Status needs a value, latency may have one, others have none.
func ParseAsk(text string) (Ask, error) {
	name, value, given := strings.Cut(text, "=")
	for i, k := range Kinds {
		if k.Name != name {
			continue
		}
		a := Ask{Kind: uint8(i + 1)}
		switch {
		case name == "status":
			code, err := strconv.Atoi(value)
			if err != nil || code < 400 || code > 599 {
				return Ask{}, fmt.Errorf("status needs a code from 400 to 599, such as status=503")
			}
			a.Value = int32(code)
		case name == "latency" && !given:
			a.Value = askedLatency
		case name == "latency":
			d, err := time.ParseDuration(value)
			if err != nil || d < time.Millisecond || d > maxDelay {
				return Ask{}, fmt.Errorf("latency takes a duration from 1ms to 24h, such as latency=2s")
			}
			a.Value = int32(d / time.Millisecond)
		case given:
			return Ask{}, fmt.Errorf("%s takes no value", name)
		}
		return a, nil
	}
	return Ask{}, fmt.Errorf("unknown fault %q; known: %s", name, kindNames())
}

// OnRequest returns the rules that requests may ask for, by place in Kinds.
// They last never: only an Ask brings them about.
func OnRequest() []Rule {
	rules := make([]Rule, len(Kinds))
	for i, k := range Kinds {
		rules[i] = Rule{Begin: tick.Never, End: tick.Never}
		k.compile(k.asked, &rules[i])
	}
	return rules
}

// Of returns the rule as this Ask wants it.
func (a Ask) Of(r Rule) Rule {
	if r.Status > 0 {
		r.Status = uint16(a.Value)
	}
	if r.Add > 0 {
		r.Add = time.Duration(a.Value) * time.Millisecond
	}
	return r
}
