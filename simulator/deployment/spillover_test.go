package deployment

import (
	"strings"
	"testing"
)

func TestSpills(t *testing.T) {
	for status := range uint16(600) {
		for kind := Plan; kind <= Drained; kind++ {
			want := kind == Refuse && (status == 400 || status == 429 || status == 500 || status == 503)
			if got := Spills(&Effect{Kind: kind, Status: status}); got != want {
				t.Errorf("effect %d with status %d: %t", kind, status, got)
			}
		}
	}
}

func TestSpilloverMistakes(t *testing.T) {
	of := func(sku string) Config { return Config{Name: "d", Model: "m", Version: "1", SKU: sku, Key: "k"} }
	all := []string{"GlobalStandard", "DataZoneStandard", "Standard", "GlobalProvisionedManaged", "DataZoneProvisionedManaged", "ProvisionedManaged"}
	fits := map[string]string{all[3]: all[0], all[4]: all[1], all[5]: all[2]}
	for _, a := range all {
		for _, b := range all {
			from, to := of(a), of(b)
			if wrong := from.SpilloverMistakes(&to); (len(wrong) == 0) != (fits[a] == b) {
				t.Errorf("%s to %s: %q", a, b, wrong)
			}
		}
	}
	from, to := of(all[3]), Config{Name: "e", Model: "n", Version: "1", SKU: "Standard", Key: "l"}
	const want = `GlobalProvisionedManaged spills over to GlobalStandard, but "e" is Standard; "e" serves n 1, not m 1; "e" has another key, so it is another resource's`
	if got := strings.Join(from.SpilloverMistakes(&to), "; "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
