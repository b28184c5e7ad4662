package identity

import (
	"testing"
	"time"
)

// A token that is remembered is valid exactly as long as one that is verified anew, before its time as after it.
func TestMemoKeepsTime(t *testing.T) {
	i := New()
	token, err := i.Token(Grant{Lifetime: time.Hour}, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Verify(token, now); err != nil || i.seen.Len() != 1 {
		t.Fatal(err, i.seen.Len())
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
	if _, err := i.Verify(token+"x", now); err == nil || i.seen.Len() != 1 {
		t.Errorf("%v, %d: what is not valid is remembered", err, i.seen.Len())
	}
}
