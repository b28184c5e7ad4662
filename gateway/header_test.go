package gateway

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetryAfter(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	later := at.Add(90 * time.Second).Format(http.TimeFormat)
	for _, c := range []struct {
		ms, seconds, date string
		want              uint32
		ok                bool
	}{
		{"", "", "", 0, false},
		{"2000", "", "", 2000, true},
		{"1500.2", "", "", 1501, true},
		{"0", "", "", 0, true},
		{"2000", "60", "", 2000, true},
		{"-1", "60", "", 60_000, true},
		{"soon", "60", "", 60_000, true},
		{"-1", "-1", "", 0, false},
		{"", "1.1", "", 1100, true},
		{"", "0.0005", "", 1, true},
		{"", "24s", "", 24_000, true},
		{"", " 24 ", "", 24_000, true},
		{"", "1m30s", "", 90_000, true},
		{"", "86400", "", 86_400_000, true},
		{"", "9999999", "", 1<<32 - 1, true},
		{"", "99999999999999999999", "", 0, false},
		{"", "tomorrow", "", 0, false},
		{"", "NaN", "", 0, false},
		{"", "1e3", "", 0, false},
		{"", later, at.Format(http.TimeFormat), 90_000, true},
		{"", at.Format(http.TimeFormat), later, 0, false},
	} {
		h := http.Header{}
		for name, v := range map[string]string{"Retry-After-Ms": c.ms, "Retry-After": c.seconds, "Date": c.date} {
			if v != "" {
				h.Set(name, v)
			}
		}
		ms, ok := retryAfter(h)
		if ms != c.want || ok != c.ok {
			t.Errorf("ms %q, seconds %q, date %q: got %d %v, want %d %v", c.ms, c.seconds, c.date, ms, ok, c.want, c.ok)
		}
	}
}

// Without a Date header the wait until a date is measured on the own clock.
func TestRetryAfterDateByOwnClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := http.Header{"Retry-After": {time.Now().UTC().Add(90 * time.Second).Format(http.TimeFormat)}}
		if ms, ok := retryAfter(h); ms != 90_000 || !ok {
			t.Errorf("got %d %v", ms, ok)
		}
	})
}

// The last model of a body is the one that counts; what is no text is none.
func TestModelOfBody(t *testing.T) {
	for body, want := range map[string]string{`{"model":"a"}`: "a", `{"mod\u0065l":"\u0061\"b"}`: `a"b`, `{"model":"a","x":{"model":"c"},"model":"b"}`: "b",
		`{"model":"a","model":null}`: "", `{"model":["a"]}`: "", `{}`: ""} {
		if _, model, ok := splitAtModel([]byte(body)); !ok || model != want {
			t.Errorf("%s: %q, want %q", body, model, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("1500", "60")
	f.Add("1.5", "24s")
	f.Add("", "Sun, 22 Nov 2026 12:00:00 GMT")
	f.Fuzz(func(t *testing.T, ms, seconds string) {
		got, ok := retryAfter(http.Header{"Retry-After-Ms": {ms}, "Retry-After": {seconds}})
		if !ok && got != 0 {
			t.Errorf("%q %q: %d although it does not count", ms, seconds, got)
		}
		if strings.HasPrefix(ms, "-") && strings.HasPrefix(seconds, "-") && got != 0 {
			t.Errorf("%q %q: a negative wait became %d", ms, seconds, got)
		}
	})
}

func TestSplitAtModel(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"model":"a","messages":[]}`, `{"model":"new\"","messages":[]}`},
		{` { "x" : {"model":"a"}, "model" : null , "y":["model"]} `, ` { "x" : {"model":"a"}, "model" : "new\"" , "y":["model"]} `},
		{`{"model":"a","b":1,"model":{"c":2}}`, `{"model":"new\"","b":1,"model":"new\""}`},
		{`{"mod\u0065l":"a"}`, `{"mod\u0065l":"new\""}`},
		{`{"messages":[]}`, `{"model":"new\"","messages":[]}`},
		{` {}`, ` {"model":"new\""}`},
		{`{"é":"é","model":1e5}`, `{"é":"é","model":"new\""}`},
		{``, ""}, {`null`, ""}, {`[]`, ""}, {`{`, ""}, {`{"model":"a"`, ""}, {`{"model":"a"} x`, ""}, {`{"model":}`, ""}, {`{"a":1,}`, ""},
	} {
		parts, _, ok := splitAtModel([]byte(c.body))
		if ok != (c.want != "") {
			t.Errorf("%s: ok is %v", c.body, ok)
			continue
		}
		if got := string(joinWithModel(parts, `new"`)); ok && got != c.want {
			t.Errorf("%s became %s, want %s", c.body, got, c.want)
		}
	}
}
