package content

import "strconv"

// Embeddings is the Writer of an embeddings answer. It never streams.
type Embeddings struct {
	wholeOnly
	Model        string // model and version
	Inputs       int
	PromptTokens int
	Vector       func(dst []byte, input int) []byte // appends a vector as JSON
}

// AppendBody implements Writer.
func (e *Embeddings) AppendBody(dst []byte) []byte {
	dst = append(dst, `{"object":"list","data":[`...)
	for i := range e.Inputs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"object":"embedding","index":`...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, `,"embedding":`...)
		dst = append(e.Vector(dst, i), '}')
	}
	dst = append(dst, `],"model":`...)
	dst = appendQuoted(dst, e.Model)
	dst = append(dst, `,"usage":{"prompt_tokens":`...)
	dst = strconv.AppendInt(dst, int64(e.PromptTokens), 10)
	dst = append(dst, `,"total_tokens":`...)
	dst = strconv.AppendInt(dst, int64(e.PromptTokens), 10)
	return append(dst, "}}"...)
}

// wholeOnly has the streaming methods of what never streams.
type wholeOnly struct{}

func (wholeOnly) AppendHead(dst []byte) []byte                 { return dst }
func (wholeOnly) AppendOpen(dst []byte) []byte                 { return dst }
func (wholeOnly) AppendTokens(dst []byte, from, to int) []byte { return dst }
func (wholeOnly) AppendClose(dst []byte) []byte                { return dst }
func (wholeOnly) AppendError(dst []byte, e Answer) []byte      { return dst }
func (wholeOnly) AppendBroken(dst []byte) []byte               { return dst }
