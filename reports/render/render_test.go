package render_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"foundrylab/internal/record"
	"foundrylab/reports/render"
	"foundrylab/reports/reporttest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	reporttest.Golden(t, *update, name, got)
}

func draw(t *testing.T, f render.Format, r *record.Result) []byte {
	t.Helper()
	out, err := f.Render(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every format has a doc line and goldens of a failed, a passed and a void
// run; two renderings are equal.
func TestGoldens(t *testing.T) {
	runs := []struct {
		name string
		make func(int64) *record.Result
	}{{"fail", reporttest.Result}, {"pass", reporttest.Passed}, {"void", reporttest.Void}}
	for _, f := range render.All {
		if f.Name == "" || f.File == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("format %q: file %q, doc %q", f.Name, f.File, f.Doc)
		}
		for _, run := range runs {
			if run.name != "fail" && (f.Name == "json" || f.Name == "html") {
				continue // they differ from the failed run in a few words only
			}
			t.Run(f.Name+"/"+run.name, func(t *testing.T) {
				got := draw(t, f, run.make(10000))
				if !bytes.Equal(got, draw(t, f, run.make(10000))) {
					t.Error("two renderings of one result differ")
				}
				if f.Name == "html" {
					got = withoutAssets(t, got)
				}
				golden(t, run.name+"."+f.File, got)
			})
		}
	}
}

var assets = regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>`)

// withoutAssets drops what is in the assets folder anyway.
func withoutAssets(t *testing.T, page []byte) []byte {
	t.Helper()
	if n := len(assets.FindAll(page, -1)); n != 3 {
		t.Errorf("%d style and script elements, want 3", n)
	}
	return assets.ReplaceAll(page, []byte("<!-- asset -->"))
}

// Every format survives a result in which everything is missing.
func TestEmptyResult(t *testing.T) {
	for _, f := range render.All {
		if out := draw(t, f, &record.Result{Verdict: "void"}); len(out) == 0 {
			t.Errorf("%s: nothing", f.Name)
		}
	}
}

// The layout is JSON, adds only blanks, keeps arrays of numbers on a line and
// puts every other value on its own.
func TestJSONLayout(t *testing.T) {
	r := reporttest.Hostile(1000, "a,b:{c}[d]\"e\\\n\x00<é>")
	out, err := render.JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	var want, got bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		t.Fatal(err)
	}
	if err := json.Compact(&got, out); err != nil {
		t.Fatal(err)
	}
	if got.String() != strings.TrimSpace(want.String()) {
		t.Error("compacted, the layout is another document")
	}
	value := regexp.MustCompile(`^ *("[a-z0-9_]+": )?([{}\]\[]+|"(\\.|[^"\\])*"|[-0-9.a-z]+|\[[-0-9.,nul]*\])?,?$`)
	for i, line := range strings.Split(string(out), "\n") {
		if !value.MatchString(line) {
			t.Fatalf("line %d holds more than one value: %.120q", i+1, line)
		}
	}
}

// A second reader of JUnit, written from the format's description.
type junit struct {
	Suites []struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Time     string `xml:"time,attr"`
		Cases    []struct {
			Name    string     `xml:"name,attr"`
			Failure []struct{} `xml:"failure"`
			Error   []struct{} `xml:"error"`
			Out     string     `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func TestJUnitCounts(t *testing.T) {
	interrupted := reporttest.Passed(10000)
	interrupted.Interrupted = true
	silent := reporttest.Passed(10000)
	silent.Assertions = nil
	const odd = "<a b='c'>&\"\x00\x1b[31m\n]]>"
	for _, c := range []struct {
		name                    string
		r                       *record.Result
		tests, failures, errors int
	}{
		{"fail", reporttest.Result(10000), 8, 1, 0},
		{"pass", reporttest.Passed(10000), 8, 0, 0},
		{"void", reporttest.Void(10000), 1, 0, 1},
		{"interrupted", interrupted, 1, 0, 1},
		{"no assertions", silent, 1, 0, 0},
		{"hostile", reporttest.Hostile(10000, odd), 8, 2, 0},
	} {
		out, err := render.JUnit(c.r)
		if err != nil {
			t.Fatal(err)
		}
		var got junit
		if err := xml.Unmarshal(out, &got); err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, out)
		}
		s := got.Suites[0]
		failures, errors := 0, 0
		for _, tc := range s.Cases {
			failures += len(tc.Failure)
			errors += len(tc.Error)
		}
		if s.Tests != c.tests || len(s.Cases) != c.tests || s.Failures != c.failures || failures != c.failures || s.Errors != c.errors || errors != c.errors {
			t.Errorf("%s: %d tests (%d cases), %d failures (%d), %d errors (%d); want %d, %d, %d", c.name,
				s.Tests, len(s.Cases), s.Failures, failures, s.Errors, errors, c.tests, c.failures, c.errors)
		}
		if s.Time != "900.000" {
			t.Errorf("%s: time %s", c.name, s.Time)
		}
		if c.name == "hostile" && s.Name != "<a b='c'>&\"\uFFFD\uFFFD[31m ]]>" {
			t.Errorf("the name came back as %q", s.Name)
		}
	}
}

// Warnings pass and say so.
func TestJUnitWarning(t *testing.T) {
	out, err := render.JUnit(reporttest.Result(10000))
	if err != nil {
		t.Fatal(err)
	}
	var got junit
	if err := xml.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	warned := got.Suites[0].Cases[6]
	if len(warned.Failure) != 0 || !strings.HasPrefix(warned.Out, "warning") {
		t.Errorf("failed warning: %+v", warned)
	}
}

// The page fetches nothing: no element, style or script of it names a place.
func TestHTMLIsOffline(t *testing.T) {
	page, err := render.HTML(reporttest.Hostile(10000, `https://example.com/x`))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		`(?i)\s(src|srcset|action|formaction|poster|data|background|manifest|ping)\s*=\s*["']?[^"'\s>]`,
		`(?i)\shref\s*=\s*["']?[^"'#]`, `(?i)@import`, `\burl\(`, `(?i)\bfetch\s*\(`, `XMLHttpRequest`, `WebSocket`, `EventSource`,
		`sendBeacon`, `\bimport\s*\(`, `(?i)<(link|iframe|object|embed|base|form|img)\b`, `(?i)http-equiv="refresh"`,
	} {
		if m := regexp.MustCompile(bad).Find(page); m != nil {
			t.Errorf("%s matches %q", bad, m)
		}
	}
	const policy = `content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"`
	if !bytes.Contains(page, []byte(policy)) {
		t.Error("the policy that forbids fetching is missing")
	}
	if !bytes.Contains(page, []byte("Copyright (c) 2022 Leon Sorokin")) {
		t.Error("uPlot's licence is missing")
	}
}

var dataElement = regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`)

// Whatever a scenario is called, the page keeps its three scripts and the
// names arrive whole.
func TestHTMLEscapes(t *testing.T) {
	for _, name := range []string{
		`<script>alert(1)</script>`, `</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onload='alert(1)`,
		"<!--", "]]>", "{{.}}", "\u2028\u2029", "</style>", "javascript:alert(1)", "\\u003cscript\\u003e",
	} {
		page, err := render.HTML(reporttest.Hostile(10000, name))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(regexp.MustCompile(`(?i)<script`).FindAll(page, -1)); n != 3 {
			t.Errorf("%q: %d script elements, want 3", name, n)
		}
		plainElements(t, name, dataElement.ReplaceAll(assets.ReplaceAll(page, nil), nil))
		m := dataElement.FindSubmatch(page)
		if m == nil {
			t.Fatalf("%q: no data element", name)
		}
		var data struct {
			Charts []struct {
				Data []struct {
					Name   string
					Values []*json.Number
				}
			}
		}
		if err := json.Unmarshal(m[1], &data); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if got := data.Charts[1].Data[0].Name; got != name {
			t.Errorf("%q arrived as %q", name, got)
		}
		if len(data.Charts) != 11 || len(data.Charts[0].Data[0].Values) != 90 {
			t.Errorf("%q: %d charts", name, len(data.Charts))
		}
	}
}

// plainElements reads a page without its scripts and refuses elements and
// attributes that the template does not have.
func plainElements(t *testing.T, name string, page []byte) {
	t.Helper()
	known := strings.Fields("html head meta title body header div a nav button main section p span h1 h2 h3 dl dt dd noscript " +
		"article ul li strong table thead tbody tr th td code details summary pre footer")
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta"}, xml.HTMLEntity
	for {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains(known, e.Name.Local) {
			t.Errorf("%q: element %s", name, e.Name.Local)
		}
		for _, a := range e.Attr {
			if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "style" {
				t.Errorf("%q: attribute %s of %s", name, a.Name.Local, e.Name.Local)
			}
		}
	}
}

// The figures of the page are those of the result.
func TestHTMLData(t *testing.T) {
	r := reporttest.Result(1000)
	page, err := render.HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Charts []struct {
			ID   string
			Data []struct{ Values json.RawMessage }
		}
	}
	if err := json.Unmarshal(dataElement.FindSubmatch(page)[1], &data); err != nil {
		t.Fatal(err)
	}
	for _, c := range data.Charts {
		if c.ID != "timeline-ttft-2" {
			continue
		}
		var got []record.Millis
		if err := json.Unmarshal(c.Data[1].Values, &got); err != nil {
			t.Fatal(err)
		}
		for i, v := range got { // encoding/json leaves an element alone where it reads null
			if r.Timeline.Tenants[1].TTFTP95[i] == record.Null {
				got[i] = record.Null
			} else if v == record.Null {
				t.Fatalf("second %d is null", i)
			}
		}
		if !slices.Equal(got, r.Timeline.Tenants[1].TTFTP95) {
			t.Error("the figures differ from the result's")
		}
		return
	}
	t.Error("no chart of coding's TTFT")
}

func TestAssetsAreSmallAndWhole(t *testing.T) {
	script, err := os.ReadFile("assets/page.js")
	if err != nil {
		t.Fatal(err)
	}
	if len(script) > 15<<10 {
		t.Errorf("page.js has %d bytes, want at most 15 KiB", len(script))
	}
	for _, f := range []string{"page.js", "page.css", "uplot.min.js", "uplot.min.css", "LICENSE-uplot"} {
		b, err := os.ReadFile(filepath.Join("assets", f))
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []string{"</script", "</style", "<!--", "*/\n*/"} {
			if strings.Contains(strings.ToLower(string(b)), end) {
				t.Errorf("%s holds %q, which would end its element", f, end)
			}
		}
	}
}

// Every rendered result is unchanged by the rendering.
func TestRenderersReadOnly(t *testing.T) {
	r, same := reporttest.Result(10000), reporttest.Result(10000)
	for _, f := range render.All {
		draw(t, f, r)
	}
	if !reflect.DeepEqual(r, same) {
		t.Error("a renderer changed the result")
	}
}
