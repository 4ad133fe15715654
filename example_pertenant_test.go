package symphony_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// enqueueFor adds n items for a tenant, each to a queue of its own.
func enqueueFor(ctx context.Context, pools *pool.Pools, tenant string, n int) error {
	mail, err := symphony.NewBatch[int](pools, tenant)
	if err != nil {
		return err
	}
	for i := range n {
		queue := symphony.Queue{Service: "mail", Entity: fmt.Sprint("u", i), Action: "send"}
		if _, err := mail.Enqueue(ctx, queue, i); err != nil {
			return err
		}
	}
	return nil
}

// With PerTenant, no more handlers of a tenant run at once than that, over all
// processes, and other tenants do not wait for them.
func ExampleWorkConfig_perTenant() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	if err := enqueueFor(ctx, pools, "big", 20); err != nil {
		log.Fatal(err)
	}
	if err := enqueueFor(ctx, pools, "small", 1); err != nil {
		log.Fatal(err)
	}

	var mu sync.Mutex
	running, most, done := map[string]int{}, map[string]int{}, 0
	count := func(tenant string, by int) {
		mu.Lock()
		defer mu.Unlock()
		running[tenant] += by
		most[tenant] = max(most[tenant], running[tenant])
		if by < 0 {
			done++
		}
		if done == 21 {
			stop() // a service goes on
		}
	}
	smallDone := make(chan struct{})
	send := func(_ context.Context, tenant string, _ symphony.Queue, _ []listrepo.Item[int]) error {
		count(tenant, 1)
		defer count(tenant, -1)
		if tenant == "small" {
			close(smallDone)
		}
		<-smallDone // big has slow work
		return nil
	}
	if err := symphony.WorkBatches(ctx, pools, "mail", send, symphony.WorkConfig{Workers: 8, PerTenant: 2}); err != nil {
		log.Fatal(err)
	}
	fmt.Println("done:", done)
	fmt.Println("no more than 2 handlers of big at once:", most["big"] <= 2)
	// Output:
	// done: 21
	// no more than 2 handlers of big at once: true
}
