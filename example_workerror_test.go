package symphony_test

import (
	"errors"
	"fmt"

	"github.com/symphony-go/symphony"
)

// logWorkError tells a handler that panicked from one that returned an error.
func logWorkError(err error) {
	var work *symphony.WorkError
	if errors.As(err, &work) {
		fmt.Println("tenant", work.Tenant, "queue", work.Queue.Action)
	}
	var panicked *symphony.PanicError
	if errors.As(err, &panicked) {
		fmt.Println("panic:", panicked.Value) // Stack says where
	}
}

// WorkBatches passes the errors that do not stop it as WorkErrors.
func ExampleWorkError() {
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	logWorkError(&symphony.WorkError{
		Tenant: "acme", Queue: queue, Err: &symphony.PanicError{Value: "no template"},
	})
	// Output:
	// tenant acme queue send
	// panic: no template
}
