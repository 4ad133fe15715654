package embedded

import "time"

// clock moves a server's time, which stands still by itself.
type clock struct {
	forward func(time.Duration)
	quit    chan struct{}
	done    chan struct{}
}

// step is how far apart the moves are. A move visits every key, so that they
// are further apart when one takes long.
const (
	step = 20 * time.Millisecond
	rest = 20
)

func startClock(forward func(time.Duration)) *clock {
	c := &clock{forward: forward, quit: make(chan struct{}), done: make(chan struct{})}
	go c.run()
	return c
}

func (c *clock) stop() {
	close(c.quit)
	<-c.done
}

func (c *clock) run() {
	defer close(c.done)
	timer := time.NewTimer(step)
	defer timer.Stop()
	last := wall()
	for {
		select {
		case <-c.quit:
			return
		case <-timer.C:
		}
		now := wall()
		if passed := now.Sub(last); passed > 0 {
			c.forward(passed)
		}
		last = now
		timer.Reset(max(step, rest*wall().Sub(now)))
	}
}

// wall is the time that TIME answers: it moves while the machine sleeps.
func wall() time.Time { return time.Now().Round(0) }
