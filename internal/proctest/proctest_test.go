package proctest

import (
	"os"
	"runtime"
	"testing"
)

// A process that works has had more of the processor, and what it holds is resident.
func TestThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: there is no /proc")
	}
	pid := os.Getpid()
	cpu := Processor(t, pid)
	held := make([]byte, 64<<20)
	for i := range held {
		held[i] = byte(i)
	}
	if n := Resident(t, pid); n < int64(len(held)) || n > 100*int64(len(held)) {
		t.Errorf("%d bytes are resident, and %d are held", n, len(held))
	}
	if more := Processor(t, pid); more <= cpu {
		t.Errorf("%v after %v, and it has worked", more, cpu)
	}
	runtime.KeepAlive(held)
}
