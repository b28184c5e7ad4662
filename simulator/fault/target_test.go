package fault

import (
	"fmt"
	"testing"
)

func TestOn(t *testing.T) {
	places := []Place{{"a", "r", "East US 2"}, {"b", "r", "Sweden Central"}, {"c", "c", "East US 2"}}
	for _, c := range []struct {
		fault Config
		want  string
	}{
		{Config{Name: "f", Backend: "b"}, "[f on b]"},
		{Config{Name: "f", Backend: "x"}, "[]"},
		{Config{Name: "f", Resource: "r"}, "[f/a on a f/b on b]"},
		{Config{Name: "f", Resource: "c"}, "[f/c on c]"},
		{Config{Name: "f", Region: "East US 2"}, "[f/a on a f/c on c]"},
		{Config{Name: "f", Region: "east us 2"}, "[]"},
	} {
		got := []string{}
		for _, f := range c.fault.On(places) {
			if f.Resource != "" || f.Region != "" {
				t.Errorf("%+v strikes more than a backend", f)
			}
			got = append(got, f.Name+" on "+f.Backend)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%+v strikes %v, want %s", c.fault, got, c.want)
		}
	}
}
