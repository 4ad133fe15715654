package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Survey struct {
	Answers []string `redis:"answers"`
	Handler string   `redis:"handler_type"`
}

var surveyAnswers = hashrepo.ListOf(func(s *Survey) *[]string { return &s.Answers })

// Merge applies patches and returns the state. It also writes the handler's
// name and the time of the change.
func ExampleStateHandler_Merge() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	surveys, err := symphony.NewStateHandler[Survey](pools, "acme", "survey")
	if err != nil {
		log.Fatal(err)
	}

	if _, err := surveys.Merge(ctx, "u1", surveyAnswers.Append("yes")); err != nil {
		log.Fatal(err)
	}
	state, err := surveys.Merge(ctx, "u1", surveyAnswers.Append("no", "maybe"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.Answers, state.Handler)
	// Output: [yes no maybe] survey
}
