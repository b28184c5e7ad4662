//go:build race

package tokens

// underRace tells that the race detector is on: it takes ten times the time, and lets pools forget at random. What is
// held of time and allocations is held in the run without it.
const underRace = true
