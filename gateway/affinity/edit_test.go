package affinity

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var east, west = TagOf("east"), TagOf("west")

func ours(t Tag) bool { return t == east || t == west }

// in puts tags where a text has T.
func in(text string, t Tag) string { return strings.ReplaceAll(text, "‹T›", string(t[:])) }

// out has no tags.
func out(text string) string { return strings.ReplaceAll(text, "‹T›", "") }

func TestTag(t *testing.T) {
	// What a client holds today must be understood by the gateway of a later version.
	if got := string(east[:]); got != "_bgjzyrwgjl2v" || east == west {
		t.Errorf("the tag of east is %q", got)
	}
	for _, c := range []struct {
		id, bare string
		tag      Tag
		ok       bool
	}{
		{"resp_1" + string(east[:]), "resp_1", east, true},
		{"resp_1" + string(west[:]) + string(east[:]), "resp_1" + string(west[:]), east, true}, // a gateway behind a gateway
		{"x" + string(east[:]), "x", east, true},
		{string(east[:]), string(east[:]), Tag{}, false},
		{"resp_1", "resp_1", Tag{}, false},
		{"", "", Tag{}, false},
		{"resp_1" + string(east[:Size-1]), "resp_1" + string(east[:Size-1]), Tag{}, false},
		{"resp_1-" + string(east[1:]), "resp_1-" + string(east[1:]), Tag{}, false},
		{"gAAAA==" + string(east[:]), "gAAAA==", east, true},
	} {
		if bare, tag, ok := Cut(c.id); bare != c.bare || tag != c.tag || ok != c.ok {
			t.Errorf("%q: %q, %q, %v", c.id, bare, tag, ok)
		}
	}
}

// answers have ‹T› where a tag is to be.
var answers = []string{
	``, `{}`, `[]`, `"resp_1"`, `{"id":""}`, `{"id":null}`, `{"id":7}`, `{"id":["resp_1"]}`, `{"id":{"id":"resp_1"}}`,
	`{"id":"resp_1‹T›","object":"response","previous_response_id":"resp_0‹T›","output":[]}`,
	`{"id":"resp_1‹T›","previous_response_id":null,"metadata":{"id":"resp_2","output":[{"id":"resp_3"}]},"user":"resp_4"}`,
	"{ \"id\" :\t\"resp_1‹T›\" ,\n \"output\" : [ { \"id\" : \"msg_1‹T›\" } , { \"id\" : \"msg_2‹T›\" } ] }",
	`{"output":[{"id":"rs_1‹T›","type":"reasoning","summary":[{"id":"no"}],"encrypted_content":"gAAAA=‹T›"},
		{"id":"fc_1‹T›","call_id":"call_1","name":"id","arguments":"{\"id\":\"resp_5\"}"},
		{"type":"message","content":[{"type":"output_text","text":"\"id\":\"resp_6\"","annotations":[{"id":"no"}]}],"id":"msg_1‹T›"},
		{"type":"mcp_call","approval_request_id":"mcpr_1‹T›","output":"{}","id":"mcp_1‹T›"}],"id":"resp_1‹T›"}`,
	`{"tools":[{"type":"function","id":"no","parameters":{"properties":{"id":{"const":"x"}}}}],"conversation":{"id":"conv_1"},"prompt":{"id":"pmpt_1"}}`,
	`{"object":"list","data":[{"id":"msg_1‹T›","content":[{"text":"id"}]},"x",["id","y"],{"id":"msg_2‹T›"}],"first_id":"msg_1‹T›","last_id":"msg_2‹T›","has_more":false}`,
	`{"type":"response.created","sequence_number":0,"response":{"id":"resp_1‹T›","output":[{"id":"msg_1‹T›"}],"response":{"id":"no"}}}`,
	`{"type":"response.output_text.delta","item_id":"msg_1‹T›","delta":"resp_123 \"id\":\"resp_123\"","logprobs":[{"id":"no"}]}`,
	`{"type":"response.output_item.added","item":{"id":"fc_1‹T›","arguments":""}}`,
	`{"type":"response.output_text.delta","delta":"id","item_id":"msg_\\‹T›"}`,
	`{"delta":"\\","item_id":"msg_\"‹T›"}`,
	`{"id":"resp_1‹T›","id":"resp_2‹T›"}`,
	`{"ident":"a","i":"b","idd":"c","previous_response_id2":"d","previous_response_i":"e"}`,
	`{"id":"résp‹T›","output":{"id":"no"},"data":"no","item":[{"id":"no"}]}`,
	`{"output":{"x":{"id":"no"}},"item":{"x":[{"id":"no"}]},"data":[{"id":7,"x":"no"},{"id":{},"x":"no"},{"id":true},"no"]}`,
	`{"output":[[{"id":"no"}],[],{},{"id":"msg_1‹T›"}],"id":"resp_1‹T›"}`,
}

// requests likewise.
var requests = []string{
	`{"model":"m","input":"resp_1","previous_response_id":"resp_1‹T›"}`,
	`{"input":[{"id":"rs_1‹T›","encrypted_content":"gAAAA=‹T›"},{"type":"item_reference","id":"msg_1‹T›"},{"role":"user","content":[{"type":"input_text","text":"x","id":"no"}]},
		{"type":"function_call_output","call_id":"call_1","output":"{\"id\":\"no\"}"},{"type":"mcp_approval_response","approval_request_id":"mcpr_1‹T›"}]}`,
	`{"metadata":{"previous_response_id":"no"},"id":"no","previous_response_id":"resp_1‹T›","tools":[{"id":"no"}]}`,
}

// edited is what an editor makes of a text that comes in pieces.
func edited(e *Editor, pieces ...[]byte) string {
	var b []byte
	for _, p := range pieces {
		b = e.Append(b, p)
	}
	return string(b)
}

func editorOf(root shape, stream bool) *Editor {
	e := NewEditor(east, stream)
	e.find.root = root
	return e
}

// halves cuts a text in three, at two places.
func halves(text string, i, j int) [][]byte {
	return [][]byte{[]byte(text[:i]), []byte(text[i:j]), []byte(text[j:])}
}

// Ids get a tag where they are ids, wherever the answer is cut, and no other
// byte is touched.
func TestAnswers(t *testing.T) {
	for _, text := range answers {
		text, want := out(text), in(text, east)
		for i := range len(text) + 1 {
			if got := edited(NewEditor(east, false), halves(text, i, min(i+3, len(text)))...); got != want {
				t.Fatalf("cut at %d:\n%s\nwanted\n%s", i, got, want)
			}
		}
	}
}

// So do those of events, whatever ends their lines; an event that breaks off is
// nothing to the next.
func TestStreams(t *testing.T) {
	const stream = ": a comment with {\"id\":\"no\"}\nevent: response.created\ndata: {\"response\":{\"id\":\"resp_1‹T›\"}}\n\n" +
		"data:{\"item_id\":\"msg_1‹T›\",\ndata: \"item\":{\ndata:\ndata: \"id\":\"msg_2‹T›\"}}\nid: 7\nretry: 3\n\n" +
		"data: {\"item\":{\"text\":\"broken\n\ndata: {\"item\":{\"id\":\"msg_3‹T›\"}}\n\ndatas: {\"id\":\"no\"}\nda: {\"id\":\"no\"}\ndata\n\n" +
		"data: [DONE]\n\ndata: {\"id\":\"resp_4‹T›\"}"
	for _, ends := range []string{"\n", "\r\n", "\r"} {
		text := strings.ReplaceAll(stream, "\n", ends)
		text, want := out(text), in(text, east)
		for i := range len(text) + 1 {
			if got := edited(NewEditor(east, true), halves(text, i, min(i+2, len(text)))...); got != want {
				t.Fatalf("lines end with %q, cut at %d:\n%s\nwanted\n%s", ends, i, got, want)
			}
		}
	}
}

func TestStrip(t *testing.T) {
	for _, text := range requests {
		if bare, id := Strip([]byte(in(text, east)), ours); string(bare) != out(text) || !bytes.HasSuffix(id, east[:]) {
			t.Errorf("%s\nid %q", bare, id)
		}
	}
	for body, want := range map[string]string{ // the id that says where the request goes
		`{"input":[{"id":"a` + string(east[:]) + `"},{"id":"b` + string(west[:]) + `"}]}`:                                          "b" + string(west[:]),
		`{"previous_response_id":"r` + string(east[:]) + `","input":[{"id":"b` + string(west[:]) + `"}]}`:                          "r" + string(east[:]),
		`{"input":[{"id":"b` + string(west[:]) + `"},{"id":"c"}],"previous_response_id":"r` + string(east[:]) + `"}`:               "r" + string(east[:]),
		`{"input":[{"id":"b` + string(west[:]) + `"}],"previous_response_id":"r"}`:                                                 "b" + string(west[:]),
		`{"previous_response_id":"r` + string(west[:]) + `","previous_response_id":"r` + string(east[:]) + `"}`:                    "r" + string(east[:]),
		`{"previous_response_id":"` + string(east[:]) + `"}`:                                                                       "",
		`{"previous_response_id":"r_aaaaaaaabbbb","input":[{"id":"r` + string(east[1:]) + `"}],"model":"` + string(east[:]) + `"}`: "",
	} {
		bare, id := Strip([]byte(body), ours)
		if string(id) != want || want == "" && string(bare) != body {
			t.Errorf("%s: %q, %s", body, id, bare)
		}
	}
}

// The finder has room for the shapes that there are.
func TestShapesFit(t *testing.T) {
	var deep func(s shape) int
	deep = func(s shape) (most int) {
		for _, name := range shapes[s].ids {
			if len(name) >= maxName {
				t.Errorf("%s is too long", name)
			}
		}
		if s.isList() {
			return 1 + deep(shapes[s].each)
		}
		for _, in := range shapes[s].inner {
			most = max(most, deep(in.of))
		}
		return 1 + most
	}
	if n := max(deep(answer), deep(request)); n != maxDepth {
		t.Errorf("shapes are %d deep", n)
	}
}

// A body without tags is handed back as it is, at no cost.
func TestStripAllocatesNothing(t *testing.T) {
	body := []byte(out(requests[1]))
	if n := testing.AllocsPerRun(100, func() { Strip(body, ours) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	e, dst := NewEditor(east, true), make([]byte, 0, 4096)
	event := []byte("data: " + out(answers[11]) + "\n\n")
	if n := testing.AllocsPerRun(100, func() { dst = e.Append(dst[:0], event) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

// dumb is what an editor is to make of a value: by looking at all of it.
func dumb(v any, s shape) any {
	switch v := v.(type) {
	case map[string]any:
		if s.isList() {
			return v
		}
		for name, value := range v {
			if text, ok := value.(string); ok && text != "" && slices.Contains(shapes[s].ids, name) {
				v[name] = text + string(east[:])
			}
			for _, in := range shapes[s].inner {
				if in.name == name {
					v[name] = dumb(value, in.of)
				}
			}
		}
	case []any:
		for i := range v {
			if s.isList() && reflect.TypeOf(v[i]) == reflect.TypeFor[map[string]any]() {
				v[i] = dumb(v[i], shapes[s].each)
			}
		}
	}
	return v
}

// escapedName is a member whose name has escapes. Nobody writes these so, and
// they are not looked into.
var escapedName = regexp.MustCompile(`"[^"]*\\[^:]*:`)

// What an editor does to JSON is what the dumb one does, it does it wherever the
// text is cut, it adds tags and changes nothing else, and Strip undoes it.
func FuzzEdit(f *testing.F) {
	for _, text := range slices.Concat(answers, requests) {
		f.Add([]byte(out(text)), uint(7))
	}
	f.Add([]byte(`{"input"[{"000000000_""id":_000"0"0000"0"`), uint(7)) // no JSON: strings that are shorter than a tag
	f.Fuzz(func(t *testing.T, text []byte, cut uint) {
		i := int(cut % uint(len(text)+1))
		j := i + int(cut/7)%(len(text)-i+1)
		pieces := halves(string(text), i, j)
		for _, stream := range []bool{false, true} {
			whole := edited(NewEditor(east, stream), text)
			if got := edited(NewEditor(east, stream), pieces...); got != whole {
				t.Fatalf("stream %v, in pieces %s, whole %s", stream, got, whole)
			}
			if !bytes.Contains(text, east[:]) && strings.ReplaceAll(whole, string(east[:]), "") != string(text) {
				t.Fatalf("stream %v: more than tags were added: %s", stream, whole)
			}
		}
		Strip(text, func(Tag) bool { return true }) // never panics
		for _, root := range []shape{answer, request} {
			var before, after any
			if json.Unmarshal(text, &before) != nil || escapedName.Match(text) {
				return
			}
			tagged := edited(editorOf(root, false), text)
			if err := json.Unmarshal([]byte(tagged), &after); err != nil || !reflect.DeepEqual(after, dumb(before, root)) {
				t.Fatalf("%v: %s", err, tagged)
			}
			if bare, id := Strip([]byte(tagged), ours); root == request && (string(bare) != string(text) || (id != nil) != (tagged != string(text))) {
				t.Fatalf("%s is not stripped to what it was: %s, %s", tagged, bare, id)
			}
		}
	})
}

func BenchmarkEdit(b *testing.B) {
	e, dst := NewEditor(east, true), make([]byte, 0, 4096)
	event := []byte("event: response.output_text.delta\ndata: " + `{"type":"response.output_text.delta","sequence_number":17,"item_id":"msg_0123456789abcdef0123456789abcdef0123456789abcdef01","output_index":0,"content_index":0,"delta":" word","logprobs":[],"obfuscation":"abcdefgh"}` + "\n\n")
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for range b.N {
		dst = e.Append(dst[:0], event)
	}
}
