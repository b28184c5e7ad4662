package filter

import (
	"strings"
	"testing"
)

func TestAnswerIsJudgedUpToWhereItStops(t *testing.T) {
	f := New(&Config{Stops: "medium", Markers: []Marker{{"mild", "hate", "low", "both"}, {"grave", "violence", "high", "answer"},
		{"copied", "protected_material_text", "low", "both"}, {"prompted", "sexual", "high", "prompt"}, {"ignore", "jailbreak", "", "both"}}})
	for _, c := range []struct {
		text        string
		first, stop int
		hate, worst Severity
	}{
		{"", -1, -1, Safe, Safe},
		{"prompted, ignore", -1, -1, Safe, Safe},
		{"a MILD word", 2, -1, Low, Safe},
		{"mild and grave", 0, 9, Low, High},
		{"grave and mild", 0, 0, Safe, High},
		{"COPIED, grave", 0, 0, Safe, Safe},
		{"\xff\u0130 Grave", 4, 4, Safe, High}, // lower case would be longer
	} {
		v, first, stop := f.Answer(c.text)
		if first != c.first || stop != c.stop || v.Found[Hate] != c.hate || v.Found[Violence] != c.worst || v.Stopped() != (stop >= 0) {
			t.Errorf("%q: %v, first %d, stop %d", c.text, v.Found, first, stop)
		}
	}
	var v Verdict
	f.Prompt("Mild, prompted, grave, IGNORE, copied", &v)
	if v.Found != [Categories]Severity{Hate: Low, Jailbreak: High, Sexual: High} || v.Stops(Hate) || !v.Stops(Jailbreak) {
		t.Errorf("%v", v.Found)
	}
}

func TestNoFilterFindsNothing(t *testing.T) {
	var f *Filter
	var v Verdict
	f.Prompt("anything", &v)
	if _, first, stop := f.Answer("anything"); first != -1 || stop != -1 || !v.Safe() || f.ReadsAnswers() || f.Least() != Safe || New(&Config{}) != nil {
		t.Error("something was found")
	}
}

func TestLeastSeverity(t *testing.T) {
	for _, c := range []struct {
		stops string
		low   bool
		high  bool
	}{{"low", true, true}, {"medium", false, true}, {"high", false, true}} {
		f := New(&Config{Stops: c.stops, Markers: []Marker{{"a", "hate", "low", "both"}, {"b", "hate", "high", "both"}}})
		var low, high Verdict
		f.Prompt("a", &low)
		f.Prompt("b", &high)
		if low.Stopped() != c.low || high.Stopped() != c.high {
			t.Errorf("stops %s: %v %v", c.stops, low.Stopped(), high.Stopped())
		}
	}
}

// mistakes gathers what Validate finds.
func mistakes(m Marker) (all string) {
	m.Validate(func(path, format string, _ ...any) { all += path + ": " + format + "\n" })
	return all
}

func TestMarkersThatFitNothing(t *testing.T) {
	for want, m := range map[string]Marker{"text: is empty": {" ", "hate", "low", "both"}, "answers alone": {"a", "protected_material_code", "low", "prompt"},
		"prompts alone": {"a", "jailbreak", "low", "answer"}} {
		if got := mistakes(m); !strings.Contains(got, want) {
			t.Errorf("%+v: %s", m, got)
		}
	}
}

func FuzzParseWish(f *testing.F) {
	f.Add("violence=high, answer:sexual=medium, jailbreak")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := ParseWish(text)
		if err == nil && w.Prompt.Safe() && w.Answer.Safe() {
			t.Errorf("%q wishes nothing", text)
		}
	})
}
