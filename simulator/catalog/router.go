package catalog

// Router is the model that has each prompt answered by another one.
const Router = "model-router"

// routed are what it chooses from, the cheap ones more often: its mode Balanced, of which no shares are published.
var routed = []string{"gpt-5-mini", "gpt-4.1-mini", "gpt-5-nano", "gpt-4.1-nano", "gpt-5-mini", "gpt-4.1", "gpt-5", "o4-mini"}

// Routed returns what the router chooses by a random number.
func Routed(v uint64) Release {
	name := routed[v%uint64(len(routed))]
	for _, r := range releases {
		if r.Model == name {
			return r
		}
	}
	panic("catalog: " + name + " is no release")
}
