package otlp

import (
	"encoding/hex"
	"encoding/json"
	"strconv"

	"foundrylab/internal/tick"
)

// Kind is which side of a call a span is about, in OpenTelemetry's numbers.
type Kind int

// The kinds.
const (
	Server Kind = 2
	Client Kind = 3
)

// Span is one call, as one side of it saw it.
type Span struct {
	Context
	Parent     SpanID // all zeros: the trace begins with it
	Name       string
	Kind       Kind
	Start, End tick.Instant
	Failed     bool // its side is to blame, or could not do without the other
	Attributes []Attribute
}

// Attribute is something that a span says.
type Attribute struct {
	key   string
	value any // text, integer, double or boolean
}

// Text is an attribute with a text.
func Text(key, value string) Attribute { return Attribute{key, text{value}} }

// Int is an attribute with a whole number.
func Int(key string, value int64) Attribute { return Attribute{key, integer{value}} }

// Float is an attribute with any number.
func Float(key string, value float64) Attribute { return Attribute{key, floating{double(value)}} }

// Bool is an attribute that is true or not.
func Bool(key string, value bool) Attribute { return Attribute{key, boolean{value}} }

// MarshalJSON implements json.Marshaler.
func (a Attribute) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	}{a.key, a.value})
}

// Key is what the attribute is called.
func (a Attribute) Key() string { return a.key }

// String is the attribute's value as text, for tests and people.
func (a Attribute) String() string {
	switch v := a.value.(type) {
	case integer:
		return strconv.FormatInt(v.Value, 10)
	case floating:
		return strconv.FormatFloat(float64(v.Value), 'g', -1, 64)
	case boolean:
		return strconv.FormatBool(v.Value)
	case text:
		return v.Value
	}
	return ""
}

// The messages of opentelemetry.proto.trace.v1, as far as they are needed. Ids are hexadecimal in the JSON of OTLP, other
// than in ProtoJSON.
type (
	text struct {
		Value string `json:"stringValue"`
	}
	integer struct {
		Value int64 `json:"intValue,string"`
	}
	floating struct {
		Value double `json:"doubleValue"`
	}
	boolean struct {
		Value bool `json:"boolValue"`
	}
	traces struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	scopeSpans struct {
		Scope scope  `json:"scope"`
		Spans []span `json:"spans"`
	}
	span struct {
		TraceID           string      `json:"traceId"`
		SpanID            string      `json:"spanId"`
		ParentSpanID      string      `json:"parentSpanId,omitempty"`
		Flags             uint32      `json:"flags"`
		Name              string      `json:"name"`
		Kind              Kind        `json:"kind"`
		StartTimeUnixNano int64       `json:"startTimeUnixNano,string"`
		EndTimeUnixNano   int64       `json:"endTimeUnixNano,string"`
		Attributes        []Attribute `json:"attributes,omitempty"`
		Status            status      `json:"status"`
	}
	status struct {
		Code int `json:"code,omitempty"` // 2: an error
	}
)

// encodeSpans writes spans as one ExportTraceServiceRequest.
func encodeSpans(spans []Span, who map[string]string) ([]byte, error) {
	all := make([]span, len(spans))
	for i, s := range spans {
		all[i] = span{TraceID: hex.EncodeToString(s.Trace[:]), SpanID: hex.EncodeToString(s.Context.Span[:]), Flags: 1, Name: s.Name, Kind: s.Kind,
			StartTimeUnixNano: int64(s.Start), EndTimeUnixNano: int64(s.End), Attributes: s.Attributes}
		if s.Parent != (SpanID{}) {
			all[i].ParentSpanID = hex.EncodeToString(s.Parent[:])
		}
		if s.Failed {
			all[i].Status.Code = 2
		}
	}
	return json.Marshal(traces{[]resourceSpans{{resource{attributes(who)}, []scopeSpans{{scope{"foundrylab"}, all}}}}})
}
