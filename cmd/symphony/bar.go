package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/symphony-go/symphony/cmd/symphony/inspect"
	"github.com/symphony-go/symphony/pool"
)

// bar shows how many keys a walk has visited, or how many bytes of a file were
// read. It writes only to a terminal.
type bar struct {
	mu      sync.Mutex
	w       io.Writer // nil: there is no terminal
	unit    string    // keys or bytes
	total   int64     // keys that the walk visits; 0 if no walk has begun
	visited int64
	drawn   time.Time // zero: nothing is on the screen
}

// redraw is the time between two updates of a bar.
const redraw = 100 * time.Millisecond

func newBar(t terminal) *bar {
	if !t.errIsTerminal {
		return &bar{}
	}
	return &bar{w: t.err}
}

// walks announces walks over all keys of the given pools, or of all pools.
// Without a terminal it sends nothing.
func (s *session) walks(ctx context.Context, times int64, aliases ...pool.Alias) {
	if s.bar.w == nil {
		return
	}
	keys, err := inspect.Keys(ctx, s.pools, aliases...)
	if err != nil {
		return // the walk itself reports the error
	}
	s.bar.begin("keys", keys*times)
}

// begin sets what the bar shows until the next call.
func (b *bar) begin(unit string, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unit, b.total, b.visited = unit, total, 0
}

// add counts visited keys or bytes, if the bar shows them.
func (b *bar) add(unit string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if unit != b.unit {
		return
	}
	b.visited = min(b.visited+n, b.total)
	if b.total == 0 || time.Since(b.drawn) < redraw {
		return
	}
	b.drawn = time.Now()
	const width = 30
	done := int(b.visited * width / b.total)
	_, _ = fmt.Fprintf(b.w, "\r[%s%s] %3d%% of %d %s", strings.Repeat("#", done), strings.Repeat(".", width-done), b.visited*100/b.total, b.total, b.unit)
}

// hide removes the bar from the screen until the next update.
func (b *bar) hide() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.drawn.IsZero() {
		_, _ = io.WriteString(b.w, "\r\x1b[K")
		b.drawn = time.Time{}
	}
}
