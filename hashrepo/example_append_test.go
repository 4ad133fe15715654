package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Thread struct {
	Messages []Message `redis:"messages"`
}

type Message struct {
	From string `redis:"from"`
	Text string `redis:"text"`
}

var threadMessages = hashrepo.ListOf(func(t *Thread) *[]Message { return &t.Messages })

// Append adds elements to a list of the record without reading it. The elements
// may be structs.
func ExampleList_Append() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:thread:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	threads, err := hashrepo.New[Thread](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	if err := threads.Update(ctx, "t1", threadMessages.Append(Message{"Alice", "hello"})); err != nil {
		log.Fatal(err)
	}
	if err := threads.Update(ctx, "t1", threadMessages.Append(Message{"Bob", "hi"}, Message{"Bob", "how are you?"})); err != nil {
		log.Fatal(err)
	}
	thread, err := threads.Get(ctx, "t1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(thread.Messages), thread.Messages[0])
	// Output: 3 {Alice hello}
}
