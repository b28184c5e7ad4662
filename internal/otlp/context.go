package otlp

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
)

// TraceID tells traces apart; all zeros is none.
type TraceID [16]byte

// SpanID tells the spans of a trace apart; all zeros is none.
type SpanID [8]byte

// Context is what W3C's Trace Context tells the next one: in which trace, below which span, and whether that is recorded.
type Context struct {
	Trace   TraceID
	Span    SpanID
	Sampled bool
}

// Header is the value of traceparent.
func (c Context) Header() string {
	b := make([]byte, 0, 55)
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, c.Trace[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, c.Span[:])
	if c.Sampled {
		return string(append(b, "-01"...))
	}
	return string(append(b, "-00"...))
}

// Below is the context of a new span below c.
func (c Context) Below() Context {
	for c.Span = newSpanID(); c.Span == (SpanID{}); c.Span = newSpanID() {
	}
	return c
}

// newSpanID draws: an id must be of its own, not secret.
func newSpanID() (id SpanID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64())
	return id
}

// ReadContext reads traceparent, as https://www.w3.org/TR/trace-context/ has it: of version 00, or of a later one as far as
// that begins alike. ok is false where there is none, several, or one that must be ignored.
func ReadContext(h http.Header) (c Context, ok bool) {
	values := h["Traceparent"]
	if len(values) != 1 {
		return c, false
	}
	v := values[0]
	if len(v) < 55 || v[2] != '-' || v[35] != '-' || v[52] != '-' || strings.ContainsFunc(v[:55], func(r rune) bool { return r >= 'A' && r <= 'F' }) {
		return c, false
	}
	var version, flags [1]byte
	for _, part := range []struct {
		to   []byte
		from string
	}{{version[:], v[:2]}, {c.Trace[:], v[3:35]}, {c.Span[:], v[36:52]}, {flags[:], v[53:55]}} {
		if _, err := hex.Decode(part.to, []byte(part.from)); err != nil {
			return Context{}, false
		}
	}
	if version[0] == 0xff || version[0] == 0 && len(v) > 55 || len(v) > 55 && v[55] != '-' || c.Trace == (TraceID{}) || c.Span == (SpanID{}) {
		return Context{}, false
	}
	c.Sampled = flags[0]&1 == 1
	return c, true
}

// Sampler says which traces are recorded. The zero value records none.
type Sampler struct {
	follows bool   // the client's word counts, where it has one
	below   uint64 // of 63 bits of a trace's id: a trace below it is recorded
}

// samples reports whether a trace is recorded, given what its client said. It is a function of the trace's id, so that all
// who have the same ratio record the same traces.
func (s Sampler) samples(client Context, said bool, trace TraceID) bool {
	if said && s.follows {
		return client.Sampled
	}
	return binary.BigEndian.Uint64(trace[8:])>>1 < s.below
}

// samplerOf reads OTEL_TRACES_SAMPLER, whose default is parentbased_always_on, and OTEL_TRACES_SAMPLER_ARG.
func samplerOf(name, arg string) (s Sampler, err error) {
	rest, follows := strings.CutPrefix(name, "parentbased_")
	if name == "" {
		rest, follows = "always_on", true
	}
	s = Sampler{follows, 1 << 63}
	switch rest {
	case "always_on":
	case "always_off":
		s.below = 0
	case "traceidratio":
		ratio := 1.0
		if arg != "" {
			ratio, err = strconv.ParseFloat(arg, 64)
		}
		if err != nil || !(ratio >= 0 && ratio <= 1) {
			return Sampler{}, errors.New("OTEL_TRACES_SAMPLER_ARG: want a ratio from 0 to 1, such as 0.1")
		}
		s.below = uint64(ratio * (1 << 63))
	default:
		return Sampler{}, errors.New("OTEL_TRACES_SAMPLER: choose always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio")
	}
	return s, nil
}
