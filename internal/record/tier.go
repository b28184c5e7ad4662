package record

// Tier is a service tier: what a request asks for, or what it got.
type Tier uint8

// The tiers. Values are part of the entry file: append only.
const (
	AutoTier Tier = iota // asked for: as the deployment has it; got: none, it was refused
	DefaultTier
	PriorityTier
	FlexTier
)

var tierNames = [...]string{"auto", "default", "priority", "flex"}

func (t Tier) String() string { return tierNames[t] }

// TierNamed returns the tier of a name, as requests have it.
func TierNamed(name string) (Tier, bool) {
	for i, n := range tierNames {
		if n == name {
			return Tier(i), true
		}
	}
	return AutoTier, false
}
