package main

import (
	"context"
	"slices"
	"strconv"

	"github.com/redis/rueidis"
	"golang.org/x/time/rate"
)

// burst is the number of keys that one SCAN of the library visits.
const burst = 1000

// walk limits the rate of SCAN and shows its progress. The library finds
// everything with SCAN, so a limit on the commands of its client limits all
// walks.
type walk struct {
	limiter *rate.Limiter
	bar     *bar
}

// newClient is a function for pool.Config.NewClient.
func (w *walk) newClient(opt rueidis.ClientOption) (rueidis.Client, error) {
	opt.DisableAutoPipelining = false // so that all commands pass through the client
	c, err := rueidis.NewClient(opt)
	if err != nil {
		return nil, err
	}
	return &walkClient{c, w}, nil
}

// wait waits until the command may be sent, if it is a SCAN.
func (w *walk) wait(ctx context.Context, cmd rueidis.Completed) error {
	n := scanned(cmd)
	if n == 0 {
		return nil
	}
	err := w.limiter.WaitN(ctx, min(n, burst))
	w.bar.add("keys", int64(n))
	return err
}

// scanned returns how many keys a SCAN visits, or 0 for another command.
func scanned(cmd rueidis.Completed) int {
	words := cmd.Commands()
	if words[0] != "SCAN" {
		return 0
	}
	if i := slices.Index(words, "COUNT"); i >= 0 && i+1 < len(words) {
		if n, err := strconv.Atoi(words[i+1]); err == nil {
			return n
		}
	}
	return 10
}

// walkClient is a client that waits before each SCAN.
type walkClient struct {
	rueidis.Client
	*walk
}

func (c *walkClient) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if err := c.wait(ctx, cmd); err != nil {
		return rueidis.NewErrorResult(err)
	}
	return c.Client.Do(ctx, cmd)
}

func (c *walkClient) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	for _, cmd := range multi {
		if err := c.wait(ctx, cmd); err != nil {
			return slices.Repeat([]rueidis.RedisResult{rueidis.NewErrorResult(err)}, len(multi))
		}
	}
	return c.Client.DoMulti(ctx, multi...)
}

func (c *walkClient) Nodes() map[string]rueidis.Client {
	nodes := c.Client.Nodes()
	for addr, node := range nodes {
		nodes[addr] = &walkClient{node, c.walk}
	}
	return nodes
}
