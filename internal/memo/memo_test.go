package memo

import (
	"encoding/binary"
	"testing"
)

// However many credentials come, at most two generations are kept, and one that is used stays.
func TestMemoIsBounded(t *testing.T) {
	var m Memo[string]
	var used Digest
	used[31] = 1
	m.Put(used, "used")
	for n := range 10 * Generation {
		var d Digest
		binary.BigEndian.PutUint32(d[:], uint32(n+1))
		m.Put(d, "")
		if v, known := m.Get(used); !known || v != "used" {
			t.Fatalf("a credential in use is forgotten after %d others", n)
		}
		if kept := m.Len(); kept > 2*Generation {
			t.Fatalf("%d credentials are kept", kept)
		}
	}
	var first Digest
	binary.BigEndian.PutUint32(first[:], 1)
	if _, known := m.Get(first); known {
		t.Error("a credential that nobody uses is kept")
	}
}

func TestGetAllocatesNothing(t *testing.T) {
	var m Memo[string]
	m.Put(Digest{1}, "x")
	if n := testing.AllocsPerRun(100, func() { m.Get(Digest{1}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
