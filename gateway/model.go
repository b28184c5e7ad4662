package gateway

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// splitAtModel cuts a v1 body where its model stands, so that joinWithModel can
// put a backend's deployment there and leave every other byte alone. A model
// that is named twice is cut out twice: servers differ in which one counts.
// One that is missing gets a place at the start. model is the last one where it
// is a text: for whatever was named, the backend's deployment is put. ok is false
// when the body is not a JSON object.
func splitAtModel(body []byte) (parts [][]byte, model string, ok bool) {
	in := bytes.NewBuffer(body)
	dec := jsontext.NewDecoder(in, jsontext.AllowDuplicateNames(true))
	if first, err := dec.ReadToken(); err != nil || first.Kind() != '{' {
		return nil, "", false
	}
	opened := dec.InputOffset()
	members, from := 0, int64(0)
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, "", false
		}
		isModel := name.String() == "model"
		value, err := dec.ReadValue()
		if err != nil {
			return nil, "", false
		}
		if isModel {
			end := dec.InputOffset()
			parts = append(parts, body[from:end-int64(len(value))])
			if model = ""; value.Kind() == '"' {
				text, _ := jsontext.AppendUnquote(nil, value)
				model = string(text)
			}
			from = end
		}
		members++
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, "", false
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return nil, "", false
	}
	if parts != nil {
		return append(parts, body[from:]), model, true
	}
	before := append(bytes.Clone(body[:opened]), `"model":`...)
	after := body[opened:]
	if members > 0 {
		after = append([]byte{','}, after...)
	}
	return [][]byte{before, after}, "", true
}

// joinWithModel returns the body that parts were cut from, with that model.
func joinWithModel(parts [][]byte, model string) []byte {
	quoted, _ := jsontext.AppendQuote(nil, model) // the error only reports that invalid UTF-8 was replaced
	return bytes.Join(parts, quoted)
}
