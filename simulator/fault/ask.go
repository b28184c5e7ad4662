package fault

import (
	"fmt"
	"strings"
	"time"

	"foundrylab/internal/tick"
)

// Ask is a fault that a single request asks for itself, for tests that want
// one failure and no schedule; a flat value. The zero Ask asks for none.
type Ask struct {
	Kind  uint8 // place in Kinds, plus 1
	Value int32 // what was given behind the name, as the kind reads it
}

// askedLatency is added where a delay is asked for without a value, ms.
const askedLatency = 5000

// ParseAsk reads KIND or KIND=VALUE: status=503, latency=2s, outage, abort and
// so on. Some kinds need a value, some may have one, others have none.
func ParseAsk(text string) (Ask, error) {
	name, value, given := strings.Cut(text, "=")
	for i, k := range Kinds {
		if k.Name != name {
			continue
		}
		a := Ask{Kind: uint8(i + 1)}
		var err error
		switch {
		case k.value != nil:
			a.Value, err = k.value(value, given)
		case given:
			err = fmt.Errorf("%s takes no value", name)
		}
		if err != nil {
			return Ask{}, err
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

// Of returns the rule of this Ask's kind as it wants it.
func (a Ask) Of(r Rule) Rule {
	if apply := Kinds[a.Kind-1].apply; apply != nil {
		apply(&r, a.Value)
	}
	return r
}

// askedDelay returns how a kind that adds time reads a value: a duration, or
// five seconds without one; in milliseconds.
func askedDelay(kind string) func(text string, given bool) (int32, error) {
	return func(text string, given bool) (int32, error) {
		if !given {
			return askedLatency, nil
		}
		d, err := time.ParseDuration(text)
		if err != nil || d < time.Millisecond || d > maxDelay {
			return 0, fmt.Errorf("%s takes a duration from 1ms to 24h, such as %s=2s", kind, kind)
		}
		return int32(d / time.Millisecond), nil
	}
}
