package latency

import "foundrylab/internal/unit"

// Load is how a busy deployment slows down: its pace falls from all of it, at
// the knee, to the floor, at full utilization.
type Load struct {
	Knee  unit.Ratio `yaml:"knee" default:"80%" doc:"utilization of the last 10 s from which on it slows down"`
	Floor unit.Ratio `yaml:"floor" default:"60%" doc:"share of its pace that is left at full utilization; 100% for no slower pace"`
}

// Validate implements yamlconf.Validator.
func (l Load) Validate(fail func(path, format string, args ...any)) {
	if l.Knee >= unit.One {
		fail("knee", "must be below 100%%")
	}
	if l.Floor < unit.One/100 || l.Floor > unit.One {
		fail("floor", "must be from 1%% to 100%%")
	}
}

// LoadOf returns how a deployment slows down: as its configuration says, else
// provisioned ones do and others do not.
func LoadOf(cfg Config, provisioned bool) Load {
	switch {
	case cfg.Load != nil:
		return *cfg.Load
	case provisioned:
		return Load{Knee: 800_000, Floor: 600_000}
	}
	return Load{Floor: unit.One}
}

// loadSteps are between the knee and full utilization. Few, since every change
// moves all answers in flight.
const loadSteps = 8

// Level returns how busy a deployment is: 0 up to the knee, loadSteps at full
// utilization. It leaves the present level only for a utilization, in ppm, that
// is a whole step away, so that noise moves nothing.
func (l Load) Level(utilization int64, present uint8) uint8 {
	if l.Floor == unit.One {
		return 0
	}
	span := int64(unit.One - l.Knee)
	over := min(max(utilization-int64(l.Knee), 0), span) * loadSteps
	if away := over - int64(present)*span; -span < away && away < span {
		return present
	}
	return uint8((over + span/2) / span)
}

// Pace returns what is left of the pace at a level, in ppm.
func (l Load) Pace(level uint8) int64 {
	return int64(unit.One) - int64(unit.One-l.Floor)*int64(level)/loadSteps
}
