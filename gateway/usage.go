package gateway

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"foundrylab/internal/ops"
)

// What a stream used is known for certain only where its backend says so, and
// some operations say it only to who asks. The gateway asks in the place of a
// client that does not, and takes out of the answer what came of that.

// usageSince is the first api-version that knows stream_options, but for the
// 2024-08-01-preview, which lists it and refuses it (Azure/azure-rest-api-specs#30810).
const usageSince = "2024-09-01"

// tellsUsage reports whether the backend would tell the usage of a stream if it
// were asked: v1 always, else from an api-version on.
func tellsUsage(rt *route, r *http.Request) bool {
	return rt.op.AsksUsage && (rt.v1 || r.URL.Query().Get("api-version") >= usageSince)
}

var streamOptions = []byte(`"stream_options"`)

// askUsage returns a copy of a body that asks for the usage. The body must be a
// JSON object with a member, or it comes back as it is.
func askUsage(body []byte) []byte {
	if !bytes.Contains(body, streamOptions) { // where it is spelled with escapes, what the client says counts
		return putFirst(body, "stream_options", `{"include_usage":true}`)
	}
	return setMember(body, "stream_options", func(old jsontext.Value) []byte {
		if old.Kind() != '{' {
			return []byte(`{"include_usage":true}`)
		}
		return setMember(old, "include_usage", func(jsontext.Value) []byte { return []byte("true") })
	})
}

// putFirst returns an object with a member more.
func putFirst(object []byte, name, value string) []byte {
	at := bytes.IndexByte(object, '{') + 1
	out := make([]byte, 0, len(object)+len(name)+len(value)+4)
	out = append(append(append(append(out, object[:at]...), '"'), name...), `":`...)
	if out = append(out, value...); !bytes.HasPrefix(bytes.TrimLeft(object[at:], " \t\r\n"), []byte("}")) {
		out = append(out, ',')
	}
	return append(out, object[at:]...)
}

// setMember returns an object in which every member of that name has the value
// that set makes of the one that it had; where there is none it is put first. All
// other bytes are as they were. An object that cannot be read comes back as it is.
func setMember(object []byte, name string, set func(old jsontext.Value) []byte) []byte {
	dec := jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowDuplicateNames(true))
	if first, err := dec.ReadToken(); err != nil || first.Kind() != '{' {
		return object
	}
	var out []byte
	from := 0
	for dec.PeekKind() != '}' {
		got, err := dec.ReadToken()
		if err != nil {
			return object
		}
		is := got.String() == name
		value, err := dec.ReadValue()
		if err != nil {
			return object
		}
		if is {
			end := int(dec.InputOffset())
			out = append(append(out, object[from:end-len(value)]...), set(value)...)
			from = end
		}
	}
	if from == 0 {
		return putFirst(object, name, string(set(nil)))
	}
	return append(out, object[from:]...)
}

// muteFor is how long a backend that refused to be asked for the usage is not
// asked again: some refuse it only beside other options, such as data_sources.
const muteFor = time.Minute

// mayRefuseUsage reports whether an answer with that status may be about what
// the gateway put into the body.
func mayRefuseUsage(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnprocessableEntity
}

// unasked looks at an error answer, and where it is about being asked for the
// usage sends the request again as the client wrote it: its client must not
// suffer for what it did not say. Else the answer comes back as it is.
func (a *attempt) unasked(ctx context.Context, b *backend) (*http.Response, error) {
	resp := a.response
	enough := time.AfterFunc(errorBodyTime, func() { resp.Body.Close() })
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	enough.Stop()
	resp.Body.Close()
	if !bytes.Contains(body, []byte("stream_options")) && !bytes.Contains(body, []byte("include_usage")) {
		resp.Body = io.NopCloser(bytes.NewReader(body))
		return resp, nil
	}
	a.response, a.plain = nil, true
	resp, err := a.ask(ctx, b)
	a.plain = false
	if err == nil && !mayRefuseUsage(resp.StatusCode) { // else it is about what the client says
		b.mute.Store(int64(a.x.g.cfg.Clock.Now().Add(muteFor)))
	}
	return resp, err
}

// hide appends raw, the end of an event with that data, to shown as its client may
// see it: as it would be had nobody asked for the usage.
func (m *meter) hide(shown, raw, data []byte) []byte {
	if len(m.tail) > 0 {
		m.tail = append(m.tail, raw...)
		raw = m.tail
		defer func() { m.tail = m.tail[:0] }()
	}
	from, to, alone := ops.UsageMember(data)
	switch {
	case alone:
		m.dropped = bytes.HasSuffix(raw, []byte("\r"))
		if bytes.HasPrefix(raw, []byte("\n")) { // of the CRLF before
			shown = append(shown, '\n')
		}
		return shown
	case from < to:
		if at := bytes.Index(raw, data); at >= 0 { // an event in several lines is not how anybody writes one
			return append(append(shown, raw[:at+from]...), raw[at+to:]...)
		}
	}
	return append(shown, raw...)
}

// rest appends p from done to from as it is to shown, and keeps what is behind.
func (m *meter) rest(shown, p []byte, done, from int) []byte {
	if from > done {
		shown = append(append(shown, m.tail...), p[done:from]...)
		m.tail = m.tail[:0]
	}
	m.tail = append(m.tail, p[from:]...)
	return shown
}
