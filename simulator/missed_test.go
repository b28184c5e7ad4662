package simulator

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
)

// A request that never arrived is in the ledger under the outage that kept it away; where that is over by the time it is
// told of, as one without a connection. An embedded server, which has no listener, resets instead.
func TestMissed(t *testing.T) {
	faults := []fault.Config{
		{Name: "refused", Region: "Sweden Central", For: ms(1000), Outage: &fault.Outage{Mode: "refused"}},
		{Name: "errors", Backend: "b", At: ms(1000), For: ms(1000), Status: &fault.Status{Code: 503}},
	}
	b := standard("b")
	b.Region = "Sweden Central"
	inLab(t, Config{Deployments: []deployment.Config{standard("a"), b}, Faults: faults}, func(l *lab) {
		missed := func(name string) {
			r, err := http.NewRequestWithContext(l.Context(), http.MethodPost, "http://x/openai/deployments/"+name+"/chat/completions?api-version=2024-10-21",
				strings.NewReader(marked(1, 5, streamed)))
			if err != nil {
				l.Fatal(err)
			}
			r.Header.Set("Api-Key", "foundrylab-key")
			l.Missed(r)
		}
		missed("b")
		if _, err := l.send(l.Context(), "b", marked(2, 5, streamed)); err == nil {
			l.Error("the embedded server answers in an outage")
		}
		missed("a")
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait() // the faults have changed
		missed("b")
		var got []record.Reason
		for _, a := range l.ledger() {
			if a.Status != 0 || a.Charged != 0 || a.Outcome != record.Failed {
				l.Errorf("%+v", a)
			}
			got = append(got, a.Reason)
		}
		if len(got) != 4 || got[0] != record.RefusedFault || got[1] != record.RefusedFault || got[2] != record.ConnectError || got[3] != record.ConnectError {
			l.Errorf("reasons %v", got)
		}
	})
}
