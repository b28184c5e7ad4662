package content

import "strconv"

// appendCheckpoint appends the member latency_checkpoint, with its comma, where
// the reply has a timing.
func (r *Reply) appendCheckpoint(dst []byte) []byte {
	if r.Timing == nil {
		return dst
	}
	c := r.Timing.Checkpoint(int32(r.OutputTokens + r.ReasoningTokens))
	dst = append(dst, `,"latency_checkpoint":{`...)
	for i, m := range [...]struct {
		name string
		ms   int64
	}{
		{"engine_tbt_ms", c.EngineTBT}, {"engine_ttft_ms", c.EngineTTFT}, {"engine_ttlt_ms", c.EngineTTLT},
		{"pre_inference_ms", c.PreInference},
		{"service_tbt_ms", c.ServiceTBT}, {"service_ttft_ms", c.ServiceTTFT}, {"service_ttlt_ms", c.ServiceTTLT},
		{"total_duration_ms", c.Total}, {"user_visible_ttft_ms", c.VisibleTTFT},
	} {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), m.name...), `":`...)
		dst = strconv.AppendInt(dst, m.ms, 10)
	}
	return append(dst, '}')
}
