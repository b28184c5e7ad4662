package latency

import "time"

// Checkpoint is where the time of an answer went, as the service tells it in
// latency_checkpoint (seen in recorded answers of 2026); in whole milliseconds.
// In those answers visible TTFT is the service's less what comes before the
// inference, and the total is the service's time to the last token less that.
// Reasoning counts as tokens, so it comes after the first.
type Checkpoint struct {
	EngineTBT, EngineTTFT, EngineTTLT    int64 // between tokens, to the first, to the last
	PreInference                         int64
	ServiceTBT, ServiceTTFT, ServiceTTLT int64
	Total                                int64
	VisibleTTFT                          int64
}

// The engine's share of the visible time to the first token was a twentieth to
// three quarters; what the service holds up is none of it, so there is a bound.
const (
	engineShare = 3
	engineMost  = 1000
)

// Checkpoint returns where the time of an answer of so many tokens went, those
// of reasoning included.
func (s *Schedule) Checkpoint(tokens int32) Checkpoint {
	c := Checkpoint{PreInference: wholeMs(s.Head.Span()), ServiceTTFT: wholeMs((s.First - s.Think).Span()), ServiceTTLT: wholeMs(s.Over().Span())}
	c.VisibleTTFT, c.Total = c.ServiceTTFT-c.PreInference, c.ServiceTTLT-c.PreInference
	c.EngineTTFT = min(c.VisibleTTFT/engineShare, engineMost)
	c.EngineTTLT = c.EngineTTFT + wholeMs(s.End.Span()) - c.ServiceTTFT // without what a fault paused
	if gaps := int64(tokens) - 1; gaps > 0 {
		c.EngineTBT = (c.EngineTTLT - c.EngineTTFT + gaps/2) / gaps
		c.ServiceTBT = (c.ServiceTTLT - c.ServiceTTFT + gaps/2) / gaps
	}
	return c
}

func wholeMs(d time.Duration) int64 { return int64((d + time.Millisecond/2) / time.Millisecond) }
