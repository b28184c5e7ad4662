package latency

import (
	"testing"
	"time"

	"foundrylab/internal/distribution"
	"foundrylab/internal/unit"
)

// The sums that hold in recorded answers hold in every one here, and the pace
// that it tells is the answer's, to a millisecond.
func TestCheckpointAddsUp(t *testing.T) {
	mean := unit.Count(300)
	thinks := &distribution.Config{Exponential: &distribution.Exponential{Mean: mean}}
	for _, model := range []string{"gpt-4.1", "gpt-5.4-mini", "o3", "text-embedding-3-large"} {
		m := Compile(Config{Reasoning: thinks}, model, 1, 2)
		for key := range uint64(2000) {
			r := Request{Key: key, Prompt: int64(key) * 7, Output: int64(key % 700), Stream: key%2 == 0}
			r.Reasoning = int64(m.Reasoning(key, 0, DefaultEffort)) * int64(key%3)
			s := m.Plan(&r)
			if key%5 == 0 {
				s.Rescale(s.First.Span()+time.Second, 10, 6)
			}
			c, tokens := s.Checkpoint(int32(r.Output+r.Reasoning)), r.Output+r.Reasoning
			switch {
			case c.VisibleTTFT != c.ServiceTTFT-c.PreInference, c.Total != c.ServiceTTLT-c.PreInference,
				c.EngineTTLT-c.EngineTTFT != c.ServiceTTLT-c.ServiceTTFT:
				t.Fatalf("%s: %+v does not add up", model, c)
			case c.PreInference < 0, c.EngineTTFT < 0, c.EngineTTFT > c.VisibleTTFT, c.EngineTTFT > engineMost, c.ServiceTTLT < c.ServiceTTFT:
				t.Fatalf("%s: %+v is out of order", model, c)
			}
			over, first := s.Over().Span().Milliseconds(), (s.First - s.Think).Span().Milliseconds()
			if c.ServiceTTLT-over > 1 || c.ServiceTTLT < over || c.ServiceTTFT-first > 1 || c.ServiceTTFT < first {
				t.Fatalf("%s: %+v of %+v", model, c, s)
			}
			if took := c.ServiceTTLT - c.ServiceTTFT; tokens > 1 && (took-c.ServiceTBT*(tokens-1) > tokens/2+1 || c.ServiceTBT*(tokens-1)-took > tokens/2+1) {
				t.Fatalf("%s: %+v of %d tokens", model, c, tokens)
			}
		}
	}
}

// A row as it was recorded of gpt-4o-mini, with 289 tokens: 11 ms each, 3,280 ms
// from the first to the last.
func TestCheckpointOfARecordedAnswer(t *testing.T) {
	s := Schedule{Head: 1390, First: 10690, Next: 10690, End: 43490, Tokens: 289}
	want := Checkpoint{EngineTBT: 11, EngineTTFT: 310, EngineTTLT: 3590, PreInference: 139, ServiceTBT: 11, ServiceTTFT: 1069, ServiceTTLT: 4349,
		Total: 4210, VisibleTTFT: 930}
	if got := s.Checkpoint(289); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	s.After, s.Pause = 5, 50_000
	if got := s.Checkpoint(289); got.ServiceTTLT != 9349 || got.EngineTTLT != want.EngineTTLT || got.EngineTBT != 11 {
		t.Errorf("with a pause of 5 s: %+v", got)
	}
}
