package prompt

import (
	"fmt"
	"testing"
)

// The three ways to declare a function count alike, whatever the order of its properties.
func TestDeclared(t *testing.T) {
	const schema = `{"type":"object","properties":{"unit":{"enum":["c","f",7],"type":"string"},"city":{"type":"string","description":"Where."}}}`
	const want = "[{get_weather Now. [{city string Where. []} {unit string  [c f 7]}]}]"
	for _, raw := range []string{
		`[{"type":"function","function":{"name":"get_weather","description":"Now.","parameters":` + schema + `}}]`,
		`[{"type":"function","name":"get_weather","description":"Now.","parameters":` + schema + `}]`,
		`[{"name":"get_weather","description":"Now.","input_schema":` + schema + `}]`,
	} {
		if got := fmt.Sprint(declared([]byte(raw))); got != want {
			t.Errorf("%s: %s", raw, got)
		}
	}
	if got := declared([]byte(`{"tools":1}`)); got != nil {
		t.Errorf("what cannot be read: %v", got)
	}
}
