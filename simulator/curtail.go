package simulator

import (
	"strings"

	"foundrylab/internal/ops"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
)

// maxProse bounds the made-up words that are looked through for where an answer stops, in tokens. An answer that was to be
// longer ends there.
const maxProse = 4096

// curtail ends an answer where a stop sequence comes up in its text, or where the content filter stops it. Words that are
// made up must be known for that before the deployment has said how many they are.
func (c *call) curtail(ev *deployment.Event) {
	stops := c.peeked.Sampling.Stops
	if c.op.needs == catalog.Embedding || len(stops) == 0 && !c.judgesAnswers() {
		return
	}
	if c.script == nil {
		most := maxProse
		if limit := c.peeked.OutputLimit(); limit >= 0 {
			most = min(most, limit)
		}
		c.script, c.prose = content.Prose(c.backend.text.Draw(c.request, 0), most), true
	}
	if at, stop := firstStop(c.script.Text(), stops); at >= 0 {
		c.script, c.finish, c.stopper = c.script.Before(at), ops.FinishStop, stop
	}
	c.judgeAnswer(c.script.Text())
	if c.prose && c.script.Tokens() > 0 {
		ev.EndsBy = clamp(c.script.Tokens())
	}
}

// firstStop returns where the first of the sequences begins, or -1, and which that is.
func firstStop(text string, stops []string) (first int, which string) {
	first = -1
	for _, stop := range stops {
		if at := strings.Index(text, stop); at >= 0 && (first < 0 || at < first) {
			first, which = at, stop
		}
	}
	return first, which
}

// scripted says what is known before of what the answer says, and how it ends there.
func (c *call) scripted(r *content.Reply, f *flight) {
	r.Prompt = c.verdicts.prompt
	if c.script == nil {
		return
	}
	shown := int(f.plan.Tokens)
	r.Script = c.script
	over := shown >= c.script.Tokens() && !f.plan.Length
	if c.prose {
		r.Script = c.script.Cut(shown)
	}
	if over || !c.prose {
		r.Finish, r.StopSequence = c.finish, c.stopper
	}
	if v := c.verdicts.answer; over || shown > c.verdicts.found && !v.Stopped() {
		r.Answer, r.Found = v, c.verdicts.found
	}
}
