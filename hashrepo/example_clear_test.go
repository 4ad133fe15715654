package hashrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Task struct {
	Title string     `redis:"title"`
	Due   *time.Time `redis:"due"`
}

var taskDue = hashrepo.FieldOf(func(t *Task) **time.Time { return &t.Due })

// Clear removes a field, which is then read as its zero value.
func ExampleField_Clear() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:task:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	tasks, err := hashrepo.New[Task](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	due := time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC)
	if err := tasks.Upsert(ctx, "t1", Task{Title: "call", Due: &due}); err != nil {
		log.Fatal(err)
	}

	task, err := tasks.Merge(ctx, "t1", taskDue.Clear())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(task.Title, task.Due)
	// Output: call <nil>
}
