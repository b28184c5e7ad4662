package ops

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// FuzzPeekOperations has every operation read any body: it answers or says why not, what it takes is JSON, what it found is
// in the body, and being lenient it takes no less.
func FuzzPeekOperations(f *testing.F) {
	for _, op := range All {
		f.Add(op.Example("m"))
	}
	for _, body := range []string{`{"input":["a",1]}`, `{"input":[[1,2],[3]],"dimensions":4,"encoding_format":"base64"}`, `{"prompt":[1,2],"echo":true,"logprobs":2,"stop":["a"]}`,
		`{"max_tokens":1,"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"tool_result","content":"x"}]}],"stop_sequences":["a"]}`,
		`{"input":[{"type":"function_call_output","call_id":"c","output":"o"},{"role":"user","content":[{"type":"input_text","text":"t"}]}],"tools":[],"text":{"format":{"type":"text"}}}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		for i := range All {
			op := &All[i]
			p, err := op.Peek(new(Peeker), body)
			lenient, lenientErr := op.Peek(&Peeker{Lenient: true}, body)
			var bad *InvalidRequest
			switch {
			case err != nil && (!errors.As(err, &bad) || bad.Message == ""):
				t.Fatalf("%s: error %#v", op.Name, err)
			case err == nil && lenientErr != nil:
				t.Fatalf("%s is lenient and refuses: %v", op.Name, lenientErr)
			case err == nil && !json.Valid(body):
				t.Fatalf("%s takes what is no JSON", op.Name)
			}
			for _, p := range []*Peeked{&p, &lenient} {
				said := 0
				for _, m := range p.Messages {
					said += len(m.Text)
				}
				if said > 3*len(body) || len(p.PartChars) > len(body) || len(p.Inputs) > len(body) { // a bad escape becomes three bytes
					t.Fatalf("%s found more than there is: %d bytes of text", op.Name, said)
				}
			}
		}
		if !bytes.Equal(body, before) {
			t.Fatal("the body was changed")
		}
	})
}
