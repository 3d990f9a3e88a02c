#!/bin/sh
# The loop in five minutes: train, serve, predict, feed back, watch, improve, go back.
# Run it in an empty folder: sh loop.sh PATH/TO/bikeshare.csv [ADDRESS]
set -eu
data=$1
address=${2:-127.0.0.1:8080}

# The first 2,000 hours are history; the 2,000 after them are what users will ask about.
head -n 2001 "$data" > start.csv
{ head -n 1 "$data"; sed -n '2002,4001p' "$data"; } > users.csv

# Learn from history. Two columns sum to the target: they would give it away.
tidemill train start.csv --target bikers --time time --ignore casual --ignore registered --trials 2 --quiet

# Put the model in service.
tidemill serve start-model/model.tidemill --listen "$address" --quiet &
server=$!
trap 'kill $server 2> /dev/null || true' EXIT
until curl -sf "http://$address/health/ready" > /dev/null; do sleep 0.1; done

# Users ask: one row as JSON, two thousand as CSV. Every answer has an id, and every row is in the log.
curl -sf "http://$address/v1/models/start/predict" -d '{"time": "2011-06-01T08:00:00", "season": 2, "holiday": 0,
  "weekday": 3, "workingday": 1, "weathersit": "clear", "temp": 0.7, "atemp": 0.65, "hum": 0.5, "windspeed": 0.1}'
echo
curl -sf "http://$address/v1/models/start/predict" -H 'Content-Type: text/csv' --data-binary @users.csv > answers.csv

# Days later it is known what was right: feedback by the ids of the answers.
{ echo prediction_id,value; paste -d, answers.csv users.csv | sed 1d | awk -F, '{ print $1 "," $NF }'; } > truth.csv
tidemill feedback import truth.csv --kind label

# How does the model do in service, against its test?
tidemill monitor start-model/model.tidemill

# Train a challenger on history and feedback; promote it if it is better on feedback that it has not seen.
tidemill improve start-model/model.tidemill --quick

# The server has picked it up by itself; and there is a way back.
sleep 1
curl -sf "http://$address/v1/models"
echo
tidemill rollback start-model/model.tidemill
