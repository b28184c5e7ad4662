package deployment

// sightings counts how often this deployment has seen a request that does not
// say itself which try it is, so that sending the same body again meets other
// dice. It is a direct-mapped table of fixed size; a key that was pushed out
// starts anew. What of it was never used is not there: most deployments that
// appear on first use see a handful of requests. The zero value is ready.
type sightings struct {
	pages []*sightingPage // none before the first
}

type sightingPage [pageRows]sighting

type sighting struct {
	key   uint64
	count uint32
}

const sightingRows, pageRows = 1 << 14, 1 << 5

// forget lets every key start anew.
func (t *sightings) forget() { t.pages = nil }

// count returns how often key was seen before, and counts this time.
func (t *sightings) count(key uint64) uint32 {
	if t.pages == nil {
		t.pages = make([]*sightingPage, sightingRows/pageRows)
	}
	place := (key * 0x9e3779b97f4a7c15) >> (64 - 14)
	page := &t.pages[place/pageRows]
	if *page == nil {
		*page = new(sightingPage)
	}
	row := &(*page)[place%pageRows]
	if row.key != key {
		*row = sighting{key: key}
	}
	row.count++
	return row.count - 1
}
