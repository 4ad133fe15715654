package pool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/retry"
)

// openBackoff is the delay between two attempts to open a server.
var openBackoff = retry.Backoff{First: time.Millisecond, Max: 250 * time.Millisecond, Jitter: 0.25}

// retryOpen calls open until it succeeds, fails with an error that is not a
// temporary refusal, or ctx ends.
func (p *plan) retryOpen(ctx context.Context, s *server, open func() error) error {
	var refusal error
	for attempt := 0; ; attempt++ {
		err := open()
		switch {
		case refusal != nil && err != nil && ctx.Err() != nil:
			return fmt.Errorf("%w (%w)", refusal, ctx.Err())
		case refusal != nil && errors.Is(err, context.DeadlineExceeded): // shortly before ctx ends itself
			return fmt.Errorf("%w (%w)", refusal, err)
		case !isTemporaryRefusal(err):
			return err
		}
		refusal = err
		s.logRefusalOnce.Do(func() {
			p.logger.Warn("pool: the server temporarily refuses commands; Open retries until its deadline", "addr", s.addr, "error", err)
		})
		if err := openBackoff.Sleep(ctx, attempt); err != nil {
			return fmt.Errorf("%w (%w)", refusal, err)
		}
	}
}

// isTemporaryRefusal reports whether a server refused a command that it will
// accept later: it loads its data, has lost its primary, runs a script, or its
// cluster is changing.
func isTemporaryRefusal(err error) bool {
	var refused *rueidis.RedisError
	text := ""
	switch {
	case errors.As(err, &refused):
		text = refused.Error()
	case errors.Is(err, rueidis.ErrNoCache): // begins with the text of the server
		text = err.Error()
	}
	word, _, _ := strings.Cut(text, " ")
	switch word {
	case "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY":
		return true
	}
	return false
}
