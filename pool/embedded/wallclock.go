package embedded

import (
	"slices"
	"time"
)

// wallClock advances the time of a miniredis server with that of this machine.
type wallClock struct {
	advance func(time.Duration)
	quit    chan struct{}
	done    chan struct{}
}

// The pause between two advances is at least minPause. An advance visits every
// key, so after slow ones the pause is pauseFactor times the duration of the
// fastest of the last three. A single slow one may have waited for a script.
const (
	minPause    = 20 * time.Millisecond
	pauseFactor = 20
)

func startWallClock(advance func(time.Duration)) *wallClock {
	c := &wallClock{advance: advance, quit: make(chan struct{}), done: make(chan struct{})}
	go c.run()
	return c
}

func (c *wallClock) stop() {
	close(c.quit)
	<-c.done
}

func (c *wallClock) run() {
	defer close(c.done)
	timer := time.NewTimer(minPause)
	defer timer.Stop()
	last, took := wallTime(), make([]time.Duration, 3)
	for {
		select {
		case <-c.quit:
			return
		case <-timer.C:
		}
		now := wallTime()
		if elapsed := now.Sub(last); elapsed > 0 {
			c.advance(elapsed)
		}
		last = now
		took = append(took[1:], wallTime().Sub(now))
		timer.Reset(max(minPause, pauseFactor*slices.Min(took)))
	}
}

// wallTime returns the time without its monotonic part, which stops while the
// machine sleeps. TIME returns the wall time too.
func wallTime() time.Time { return time.Now().Round(0) }
