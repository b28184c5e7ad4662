package simulator

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

// Who waits for capacity for too long gets a 408 then, and who leaves meanwhile is gone.
func TestFlexWaitsForCapacity(t *testing.T) {
	slow := swift("slow")
	slow.Model, slow.Flex = "gpt-5.6-sol", &deployment.Flex{Wait: latency.Quantiles{P50: ms(20_000), P95: ms(20_000)}, Timeout: ms(10_000)}
	inLab(t, Config{Deployments: []deployment.Config{slow}}, func(l *lab) {
		begun := time.Now()
		resp, got := l.post("slow", marked(1, 3, `,"service_tier":"flex"`))
		if took := time.Since(begun); resp.StatusCode != 408 || took != 10*time.Second || !strings.Contains(got, `"request_timeout"`) {
			t.Errorf("%s after %v: %s", resp.Status, took, got)
		}
		ctx, leave := context.WithTimeout(l.Context(), 3*time.Second)
		defer leave()
		if _, err := l.send(ctx, "slow", marked(2, 3, `,"service_tier":"flex"`+streamed)); err == nil {
			t.Error("an answer came")
		}
		synctest.Wait()
		all := l.ledger()
		if len(all) != 2 || all[0].Reason != record.FlexTimeout || all[1].Reason != record.ClientGone || all[1].End.Sub(all[1].Start) != 3*time.Second {
			t.Errorf("%+v", all)
		}
	})
}

// An answer says in which tier it was served, in the body and in every chunk of a stream; so does the ledger.
func TestAnswersSayTheirTier(t *testing.T) {
	priority := swift("p")
	priority.ServiceTier = "priority"
	flex := swift("flex")
	flex.Model = "gpt-5.6-sol"
	peak := fault.Config{Name: "peak", Backend: "flex", At: ms(10_000), For: ms(10_000), Peak: &fault.Peak{}}
	tests := []struct {
		name, tier string
		at         time.Duration
		want       string // of service_tier, or of the error
		ledger     record.Tier
	}{
		{"a", ``, 0, `"service_tier":"default"`, record.DefaultTier},
		{"a", `,"service_tier":"priority"`, 0, `"service_tier":"priority"`, record.PriorityTier},
		{"a", `,"service_tier":"scale"`, 0, `"service_tier":"default"`, record.DefaultTier},
		{"p", ``, 0, `"service_tier":"priority"`, record.PriorityTier},
		{"p", `,"service_tier":"auto"`, 0, `"service_tier":"priority"`, record.PriorityTier},
		{"p", `,"service_tier":"default"`, 0, `"service_tier":"default"`, record.DefaultTier},
		{"p", `,"service_tier":null`, 0, `"service_tier":"priority"`, record.PriorityTier},
		{"flex", `,"service_tier":"flex"`, 0, `"service_tier":"flex"`, record.FlexTier},
		{"flex", `,"service_tier":"flex"`, 11 * time.Second, `429 "code":"resource_unavailable"`, record.AutoTier},
		{"flex", `,"service_tier":"flex"`, 20 * time.Second, `"service_tier":"flex"`, record.FlexTier},
		{"a", `,"service_tier":"flex"`, 20 * time.Second, `400 "type":"invalid_request_error","param":"service_tier"`, record.AutoTier},
	}
	inLab(t, Config{Deployments: []deployment.Config{swift("a"), priority, flex}, Faults: []fault.Config{peak}}, func(l *lab) {
		begun := time.Now()
		for i, tt := range tests {
			time.Sleep(time.Until(begun.Add(tt.at)))
			for _, stream := range []string{"", streamed} {
				resp, got := l.post(tt.name, marked(uint64(i), 3, tt.tier+stream))
				status, text, refused := strings.Cut(tt.want, " ")
				if !refused {
					status, text = "200", tt.want
				}
				if !strings.HasPrefix(resp.Status, status) || !strings.Contains(got, text) || !refused && stream != "" && strings.Count(got, text) < 2 {
					t.Errorf("%s%s%s: %s %s, want %s", tt.name, tt.tier, stream, resp.Status, got, tt.want)
				}
				synctest.Wait()
				all := l.ledger()
				if a := all[len(all)-1]; a.Tier != tt.ledger {
					t.Errorf("%s%s: the ledger has %v, want %v", tt.name, tt.tier, a.Tier, tt.ledger)
				}
			}
		}
		if resp, got := l.post("a", marked(1, 3, `,"service_tier":"best"`)); resp.StatusCode != 400 || !strings.Contains(got, "'best'") {
			t.Errorf("an unknown tier: %s %s", resp.Status, got)
		}
	})
}
