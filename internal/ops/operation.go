// Package ops describes the API operations: one file per operation, one line in All.
//
// It owns what a router, a gateway, a simulator and a load generator must agree on about an operation:
// its paths in every route family, an example body, what a request body says (Peek), what a response says
// (Usage, ClassifySSE, Framer), and the marker that a generated prompt carries.
// It refuses everything else: no I/O, no clock, no lock, no token counting, no policy, no response building.
// All functions are safe for concurrent use; a Framer belongs to one stream, a Peeker to one caller at a time.
package ops

import "github.com/go-json-experiment/json/jsontext"

// Operation is one API operation. A value in All is never changed.
type Operation struct {
	Name   string    // operation id as the service prints it in 429 messages, e.g. ChatCompletions_Create
	GenAI  string    // gen_ai.operation.name in OpenTelemetry's conventions for generative AI
	Method string    // HTTP method
	Tail   string    // path after a family's prefix
	In     FamilySet // the families that have it

	outlined  bool // the chunks of a stream are mostly like the one before but for their text
	AsksUsage bool // a stream tells its usage only where stream_options.include_usage asks for it

	Example  func(model string) []byte                    // smallest useful request body for that model
	Peek     func(k *Peeker, body []byte) (Peeked, error) // what routing and metering need from a request body
	Usage    func(body []byte) (u Used, ok bool)          // what a non-stream response used; ok is false where it does not say
	Classify func(data []byte) Chunk                      // meaning of one SSE data payload of a stream
}

// example returns a request body of a model: its first member, and rest, which closes the object.
func example(model, rest string) []byte {
	b := []byte(`{"model":`)
	b, _ = jsontext.AppendQuote(b, model) // the error only reports that invalid UTF-8 was replaced
	return append(b, rest...)
}

// All lists every operation, in the order in which documentation shows them. Never mutated.
var All = []Operation{chatCompletions, completions, embeddings, messages, responses}
