package pool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// longestPause is the longest time between two attempts to open a server.
const longestPause = 250 * time.Millisecond

// patiently tries to open a server until it succeeds, fails for good, or ctx
// ends.
func (p *plan) patiently(ctx context.Context, s *server, try func() error) error {
	var refusal error
	for pause := time.Millisecond; ; pause = min(2*pause, longestPause) {
		err := try()
		switch {
		case err != nil && refusal != nil && ctx.Err() != nil:
			return fmt.Errorf("%w (%w)", refusal, ctx.Err())
		case !refusesForNow(err):
			return err
		}
		refusal = err
		s.saidWaiting.Do(func() {
			p.logger.Warn("pool: the server refuses commands for now; Open tries again until its deadline", "addr", s.addr, "error", err)
		})
		next := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-next.C:
		case <-ctx.Done():
			next.Stop()
			return fmt.Errorf("%w (%w)", refusal, ctx.Err())
		}
	}
}

// refusesForNow reports whether a server refused what it will take later: it
// reads its data or has lost its primary, its cluster is changing, or a script
// runs.
func refusesForNow(err error) bool {
	var refused *rueidis.RedisError
	text := ""
	switch {
	case errors.As(err, &refused):
		text = refused.Error()
	case errors.Is(err, rueidis.ErrNoCache): // which says what the server said
		text = err.Error()
	}
	word, _, _ := strings.Cut(text, " ")
	switch word {
	case "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY":
		return true
	}
	return false
}
