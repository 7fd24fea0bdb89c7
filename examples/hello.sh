curl -d "hello from a shell" -H "Content-Type: text/plain" \
  http://localhost:8080/rooms/lobby/messages
