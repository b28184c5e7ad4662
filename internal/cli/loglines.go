package cli

import (
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Bounds on lines that are logged and not yet written: one write for each of many thousand lines a second would cost as
// much as routing the request that it tells of.
const (
	logBytes = 64 << 10
	logDelay = 100 * time.Millisecond
)

// logLines gathers lines for w. A warning, or what is worse, is written at once with all that came before. Safe for
// concurrent use.
type logLines struct {
	w io.Writer

	mu      sync.Mutex
	lines   []byte
	waiting bool // somebody will flush
}

var _ zerolog.LevelWriter = (*logLines)(nil)

// Write implements io.Writer.
func (l *logLines) Write(line []byte) (int, error) { return l.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel implements zerolog.LevelWriter.
func (l *logLines) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if len(l.lines)+len(line) > logBytes {
		err = l.write()
	}
	l.lines = append(l.lines, line...)
	switch {
	case level >= zerolog.WarnLevel && level != zerolog.NoLevel:
		err = l.write()
	case !l.waiting:
		l.waiting = true
		time.AfterFunc(logDelay, l.flush)
	}
	return len(line), err
}

// flush writes what there is.
func (l *logLines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = false
	_ = l.write() // there is nobody left to tell
}

// write is flush; with mu.
func (l *logLines) write() error {
	if len(l.lines) == 0 {
		return nil
	}
	_, err := l.w.Write(l.lines)
	l.lines = l.lines[:0]
	return err
}
