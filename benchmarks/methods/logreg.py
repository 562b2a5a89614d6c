"""Logistic regression on log-CP10k, as in the label projection task of Open Problems."""

from peer import arguments, counts, log_cp10k, write
from sklearn.linear_model import LogisticRegression

folder, seed = arguments()
source, target = counts(folder)
model = LogisticRegression(max_iter=1000, random_state=seed)
model.fit(log_cp10k(source.X), source.obs["label"].astype(str))
write(folder, target.obs_names, model.predict_proba(log_cp10k(target.X)), model.classes_, "scikit-learn")
