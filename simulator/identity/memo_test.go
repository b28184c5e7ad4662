package identity

import (
	"encoding/binary"
	"testing"
	"time"
)

// However many tokens come, at most two generations are kept, and one that is used stays.
func TestMemoIsBounded(t *testing.T) {
	var m memo
	var used digest
	used[31] = 1
	m.put(used, verified{Principal: Principal{OID: "used"}})
	for n := range 10 * generation {
		var d digest
		binary.BigEndian.PutUint32(d[:], uint32(n+1))
		m.put(d, verified{})
		if v, known := m.get(used); !known || v.OID != "used" {
			t.Fatalf("a token in use is forgotten after %d others", n)
		}
		if kept := len(m.young) + len(m.older); kept > 2*generation {
			t.Fatalf("%d tokens are kept", kept)
		}
	}
	var first digest
	binary.BigEndian.PutUint32(first[:], 1)
	if _, known := m.get(first); known {
		t.Error("a token that nobody uses is kept")
	}
}

// A token that is remembered is valid exactly as long as one that is verified anew, before its time as after it.
func TestMemoKeepsTime(t *testing.T) {
	i := New()
	token, err := i.Token(Grant{Lifetime: time.Hour}, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Verify(token, now); err != nil || len(i.seen.young) != 1 {
		t.Fatal(err, len(i.seen.young))
	}
	for _, edge := range []time.Duration{-early - Skew, time.Hour + Skew} {
		for _, off := range []time.Duration{-time.Second, -time.Nanosecond, 0, time.Nanosecond, time.Second} {
			at := now.Add(edge + off)
			_, remembered := i.Verify(token, at)
			_, anew := i.check(token, at)
			if (remembered == nil) != (anew == nil) {
				t.Errorf("%v%+v: remembered %v, anew %v", edge, off, remembered, anew)
			}
		}
	}
	if _, err := i.Verify(token+"x", now); err == nil || len(i.seen.young) != 1 {
		t.Errorf("%v, %d: what is not valid is remembered", err, len(i.seen.young))
	}
}
