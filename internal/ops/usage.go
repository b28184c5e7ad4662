package ops

import "bytes"

// Used is what a backend says that an answer used, in tokens. A count that it does not say is 0.
type Used struct {
	Prompt     int // cached ones included
	Cached     int // of the prompt: what the prompt cache knew
	Completion int // those of reasoning included
}

// usageNames are how an operation's usage object names its counts.
type usageNames struct{ prompt, completion string }

var (
	chatUsage     = usageNames{"prompt_tokens", "completion_tokens"}
	responseUsage = usageNames{"input_tokens", "output_tokens"} // and of messages
)

// used consumes a usage object, and tells which counts are there. Anthropic's input is what no cache had a part in: the
// rest is input as well.
func (s *scan) used(names usageNames) (u Used, prompt, completion bool) {
	u, beside := Used{Prompt: -1, Completion: -1}, 0
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			break
		}
		switch details, _ := bytes.CutPrefix(name, []byte(names.prompt)); {
		case string(name) == names.prompt:
			u.Prompt = s.count()
		case string(name) == names.completion:
			u.Completion = s.count()
		case string(details) == "_details" && s.peek() == '{':
			u.Cached = s.cached()
		case string(name) == "cache_read_input_tokens":
			u.Cached = max(s.count(), 0)
			beside += u.Cached
		case string(name) == "cache_creation_input_tokens":
			beside += max(s.count(), 0)
		default:
			s.skip()
		}
	}
	if u.Prompt >= 0 {
		u.Prompt += beside
	}
	return Used{max(u.Prompt, 0), u.Cached, max(u.Completion, 0)}, u.Prompt >= 0 && !s.bad, u.Completion >= 0 && !s.bad
}

// cached consumes the details of a prompt's tokens.
func (s *scan) cached() (tokens int) {
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			return tokens
		}
		if string(name) == "cached_tokens" {
			tokens = max(s.count(), 0)
			continue
		}
		s.skip()
	}
}

// usageOf reads the usage object of an answer that is not streamed; ok is false when there is none that says both counts.
// The body is trusted to be JSON and is not validated beyond what is read.
func usageOf(body []byte, names usageNames) (u Used, ok bool) {
	s := scan{b: body}
	if !s.seek("usage", '{') {
		return Used{}, false
	}
	u, prompt, completion := s.used(names)
	return u, prompt && completion
}

// nullUsage is how every chunk ends that has no usage where stream_options.include_usage asks for it: members are in
// alphabetical order. Nothing after it is left of the object, so it is a member of the object itself.
var nullUsage = []byte(`,"usage":null}`)

// UsageMember says where the member usage of a chunk of chat completions or completions stands, with the comma that goes
// with it: data without data[from:to] is the chunk as it is where nobody asked for the usage. Both are 0 where there is
// none. alone is true of a chunk that is there for the usage only: nothing of it is left.
func UsageMember(data []byte) (from, to int, alone bool) {
	if bytes.HasSuffix(data, nullUsage) {
		return len(data) - len(nullUsage), len(data) - 1, false
	}
	if !bytes.Contains(data, []byte("usage")) {
		return 0, 0, false
	}
	s := scan{b: data}
	s.open('{')
	object, choices := false, false
	for n := 0; ; n++ {
		start := s.i
		name, more := s.member(n)
		if !more {
			break
		}
		kind, is := s.peek(), string(name) == "usage"
		text := s.value()
		switch {
		case is:
			if from, to, object = start, s.i, kind == '{'; n == 0 && s.peek() == ',' {
				to = s.i + 1
			}
		case string(name) == "choices":
			choices = kind == '[' && len(bytes.TrimSpace(text)) > 2 && len(bytes.TrimSpace(text[1:len(text)-1])) > 0
		}
	}
	if s.bad || s.peek() != 0 {
		return 0, 0, false
	}
	return from, to, object && !choices
}
